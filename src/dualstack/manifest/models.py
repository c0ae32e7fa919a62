"""The keys of a manifest, what they mean and which values they take.

The field descriptions here are the documentation: the JSON schema, ``dualstack init`` and ``docs/manifest.md`` repeat
them.
"""

import enum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    StringConstraints,
)

from dualstack.families import BOTH, Family
from dualstack.manifest.base import Bytes, Port, Table
from dualstack.manifest.fetch import Fetch
from dualstack.manifest.multicast import Multicast
from dualstack.manifest.patterns import Pattern, Regex, Status

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=60)]
RequirementId = Annotated[str, StringConstraints(pattern=r"^[A-Z]+-\d{3}$")]
Count = Annotated[int, Field(ge=0, le=1 << 24, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=600, strict=True)]


def _without_nul(text: str) -> str:
    """Refuse a text that the system cannot hand to a program."""
    if "\0" in text:
        raise ValueError("it contains a NUL character, which no program can be given")
    return text


Word = Annotated[str, AfterValidator(_without_nul)]
Folder = Annotated[str, StringConstraints(pattern=r"^/[^:\x00]+$")]
Command = Annotated[list[Word], Field(min_length=1)]
Environment = dict[Annotated[str, StringConstraints(pattern=r"^[^=\x00]+$")], Word]


def _valid_exit_code(data: object) -> object:
    """Refuse what is neither the exit code of a program nor the word for all of them."""
    if data == "any" or (isinstance(data, int) and not isinstance(data, bool) and data in range(256)):
        return data
    raise ValueError(f'found {data!r}; allowed: a number from 0 to 255, or "any"')


ExitCode = Annotated[int | Literal["any"], BeforeValidator(_valid_exit_code)]


def _as_list(data: object) -> object:
    """Let a single text stand for a list of one."""
    return [data] if isinstance(data, str) else data


Spellings = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
RequirementIds = Annotated[
    list[RequirementId], BeforeValidator(_as_list, json_schema_input_type=RequirementId | list[RequirementId])
]


@enum.unique
class Transport(enum.Enum):
    """The transport protocol of a listener or connector."""

    TCP = "tcp"
    UDP = "udp"


@enum.unique
class Reach(enum.Enum):
    """Whom a listener is for: clients anywhere on the network, or those on the service's own host only."""

    NETWORK = "network"
    LOOPBACK = "loopback"


@enum.unique
class Protocol(enum.Enum):
    """What is said over the transport, so that "it answers" means more than "a connection opened".

    ``connect``: nothing is said: an accepted TCP connection is the answer. ``echo``: what is sent comes back.
    ``upper``: it comes back in upper case. ``http``: ``GET /`` is answered by a whole response. ``exchange``: the
    manifest's own ``send`` and ``expect``. ``oneway``: a datagram that has no answer; the output shows that it came.
    """

    CONNECT = "connect"
    ECHO = "echo"
    UPPER = "upper"
    HTTP = "http"
    EXCHANGE = "exchange"
    ONEWAY = "oneway"


class Timeouts(Table):
    """How long, in seconds, each step may take."""

    ready: Seconds = Field(
        10.0,
        description="From start until the service is ready; without a processor on a busy machine, thrice as long.",
    )
    exchange: Seconds = Field(5.0, description="One exchange with a listener.")
    refuse: Seconds = Field(1.0, description="Until a refusal (TCP reset, ICMP port unreachable) must have come.")
    connect: Seconds = Field(10.0, description="One run of a connect command.")
    idle: Seconds = Field(
        3.5, description="How long silent connections are watched (ROBUST-010); more shows longer idle time-outs."
    )
    stop: Seconds = Field(5.0, description="From the stop signal until the service is gone; then it is killed.")
    build: Seconds = Field(300.0, description="Each build command.")


class Limits(Table):
    """What the service may use, with all its processes; one that comes to a bound is killed, which fails the case.

    0 is no bound.
    """

    processes: Count = Field(1024, description="Processes and threads at once.")
    memory: Count = Field(2048, description="MiB of memory, including its files in /dev/shm and {scratch}.")
    output: Count = Field(256, description="MiB of output in one start.")


class Ready(Table):
    """How the service shows that it is ready. Without this table: it listens on its first port."""

    log: Regex | None = Field(None, description="A regular expression; ready when a line of the output matches.")
    listening: StrictBool = Field(
        True, description="Ready only when the kernel shows a socket of the service on its port."
    )
    exchange: StrictBool = Field(
        False, description="Ready only when one exchange with the first listener succeeds, from the service's own host."
    )


class Bind(Table):
    """How the listener is told where to listen: what ``{bind}`` stands for, in each meaning that it accepts.

    Each key takes one spelling or a list; the first one is used, and LISTEN-011 and LISTEN-008 (pair) try them all.
    """

    any: Spellings = Field([], description='Every address of every family, e.g. "[::]" or "".')
    ipv4_any: Spellings = Field([], description='Every IPv4 address, e.g. "0.0.0.0".')
    ipv6_any: Spellings = Field([], description='Every IPv6 address and no IPv4, e.g. "[::]" with IPV6_V6ONLY.')
    ipv4_address: Spellings = Field([], description='One IPv4 address; write "{address}" for it.')
    ipv6_address: Spellings = Field([], description='One IPv6 address; write "{address}" or "[{address}]".')
    pair: Spellings = Field(
        [],
        description='Both "0.0.0.0" and "::" as two entries for one port, once in each order; {port} may stand in it.',
    )
    ipv4_mapped: Spellings = Field([], description='One IPv4-mapped address, e.g. "[::ffff:{address}]".')
    localhost: Spellings = Field([], description='The loopback addresses, by name: "localhost".')


class Acl(Table):
    """How the listener is told whom to serve: what ``{acl}`` stands for."""

    open: str = Field("", description="Everybody is served; {acl} stands for it unless SEC-001 asks for more.")
    deny: str | None = Field(None, description='One client is denied; write "{address}" for it.')
    allow: str | None = Field(None, description='Only one client is allowed; write "{address}" for it.')
    deny_network: str | None = Field(
        None, description='All clients of a network are denied; write "{network}" for it, e.g. 2001:db8::/64.'
    )
    allow_network: str | None = Field(
        None, description='Only clients of a network are allowed; write "{network}" for it, e.g. 192.0.2.0/28.'
    )
    denied: Regex | None = Field(
        None, description="What a denied client is answered; without it a refusal, or an end without an answer."
    )


class Listen(Table):
    """Something of the service that accepts: one port of one transport."""

    name: Name = Field(description="A short name; it appears in the report.")
    transport: Transport = Field(Transport.TCP, description="tcp or udp.")
    port: Port = Field(description="The port; the lab is private, so no port is ever taken by something else.")
    protocol: Protocol = Field(
        Protocol.CONNECT, description="What is said: connect, echo, upper, http, exchange or oneway."
    )
    send: Bytes | None = Field(
        None,
        description='With protocol = "exchange" or "oneway": what is sent first (Latin-1). With "oneway", {token} '
        "is a text that is new in each datagram.",
    )
    expect: Regex | None = Field(None, description='With protocol = "exchange": the answer, as a regular expression.')
    status: list[Status] = Field(
        [],
        description='With protocol = "http": the statuses that count as served, e.g. [200, "3xx"]. Without it: all '
        "below 500.",
    )
    received_log: Regex | None = Field(
        None,
        description='With protocol = "oneway": the line of the output that shows a datagram, with {token} where it '
        "shows that; without it peer_log.",
    )
    reply_port: Literal["same", "any"] = Field(
        "same", description="From which port UDP answers come: that which was asked, or any (TFTP, RFC 1350)."
    )
    large_send: Bytes | None = Field(
        None,
        min_length=1,
        description='With protocol = "exchange": what has an answer of over 1500 bytes (UDP-005, LISTEN-017).',
    )
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that it claims to serve.")
    reach: Reach = Field(
        Reach.NETWORK, description="Whom it is for: network, or loopback: only clients on its own host."
    )
    bind: Bind | None = Field(None, description="How it is told where to listen; leave out if it cannot be told.")
    acl: Acl | None = Field(None, description="How it is told whom to serve; leave out if it cannot be told.")
    fetch: Fetch | None = Field(None, description="How clients name what it fetches; leave out if it fetches nothing.")
    multicast: Multicast | None = Field(None, description="The multicast groups that it joins; leave out if none.")
    one_connection: StrictBool = Field(False, description="It ends after one connection; the harness starts it anew.")
    clients: StrictInt = Field(
        200, ge=1, le=200, description="How many clients of each family it is made for at a time, where that is fewer."
    )
    partial_bind: str | None = Field(
        None, min_length=10, description="Why it is right to run on when one family cannot be bound (LISTEN-009)."
    )
    peer_reply: Pattern | None = Field(
        None, description="Where an answer shows the client's address, with or without its port: group 1."
    )
    peer_log: Pattern | None = Field(
        None, description="Where a line of the log shows the client's address, with or without its port: group 1."
    )


class Connect(Table):
    """A command by which the service dials out. It runs once per case and ends by itself."""

    name: Name = Field(description="A short name; it appears in the report.")
    command: Command = Field(description="The command; {host}, {port} and {target} say where to connect.")
    transport: Transport = Field(Transport.TCP, description="tcp or udp.")
    port: Port = Field(8000, description="The port on which the lab's peer listens.")
    protocol: Protocol = Field(Protocol.ECHO, description="What the lab's peer speaks: connect, echo, upper or http.")
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that it claims to use.")
    environment: Environment = Field({}, description="Variables besides those of the service.")
    input: str | None = Field(None, description="What the command reads on its standard input; then end of file.")
    exit_code: ExitCode = Field(0, description='The exit code that means success, or "any".')
    output: Regex | None = Field(None, description="What the output shows on success, as a regular expression.")
    literals: StrictBool = Field(True, description="Whether it accepts address literals.")
    names: StrictBool = Field(True, description="Whether it accepts host names.")


class Exemption(Table):
    """A requirement that is not for this service, and why: its cases are *not applicable*."""

    requirement: RequirementIds = Field(min_length=1, description="The requirement, e.g. LISTEN-004, or several.")
    topologies: list[str] = Field([], description="Only on these topologies; all without it.")
    reason: str = Field(min_length=10, description="Why; it is printed in the report.")


class Known(Table):
    """A failing that is known: its cases are *known* instead of *fail*, and an *unexpected pass* when it is gone.

    Of one that shows itself only ``sometimes`` a pass says nothing, and is one like any other.
    """

    requirement: RequirementIds = Field(
        min_length=1, description="The requirement that the service breaks, or several."
    )
    topologies: list[str] = Field([], description="Only on these topologies; all without it.")
    configurations: list[str] = Field([], description="Only in these configurations; all without it.")
    subjects: list[str] = Field([], description="Only for these listeners or connectors; all without it.")
    reason: str = Field(min_length=10, description="What is wrong.")
    url: str | None = Field(None, description="Where the bug was reported.")
    sometimes: bool = Field(False, description="Whether it shows itself only in some runs: a race.")


class Configuration(Table):
    """One way in which the service can be configured; it overrides what it names."""

    name: Name = Field(description="A short name; it appears in the report behind the service's.")
    command: Command | None = Field(None, description="Instead of the service's command.")
    environment: Environment = Field({}, description="Variables besides those of the service.")
    files: dict[str, str] = Field({}, description="Files besides (or instead of) those of the service.")
    families: list[Family] | None = Field(None, min_length=1, description="The families that it claims so configured.")
    reach: Reach | None = Field(None, description="Whom its listeners are for, so configured.")
    bind: str | None = Field(None, description="What {bind} stands for; no other spelling is tried then.")


class Service(Table):
    """What the service is and how it is started."""

    name: Name = Field(description="The service's name.")
    summary: str = Field("", description="One sentence about it.")
    directory: Path = Field(Path(), description="Its working directory, relative to the manifest.")
    build: list[Command] = Field([], description="Commands that build it, run once, in its working directory.")
    command: Command | None = Field(None, description="The command that runs it in the foreground; {bind}, {port}.")
    environment: Environment = Field({}, description="Variables; nothing else of your environment but PATH is passed.")
    files: dict[str, str] = Field({}, description="Files written to {scratch} before each start; placeholders apply.")
    packages: list[str] = Field([], description="Debian packages: build and run in a private Debian root filesystem.")
    stop_signal: Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"] = Field("SIGTERM", description="How it is stopped.")
    reload: Literal["SIGHUP", "SIGUSR1", "SIGUSR2"] | Command | None = Field(
        None,
        description="What makes it reload its configuration: a signal, or a command. Without it SIGHUP is tried where "
        "it is handled, and may end the service (LIFE-008).",
    )
    signals: list[Literal["SIGCHLD", "SIGWINCH", "SIGCONT"]] = Field(
        [], description="Harmless signals that mean something to it: ROBUST-004 does not send them."
    )


class Image(Table):
    """The container image that the service ships as, for ``--lab docker``: one of name, build, base and packages.

    Without this table an image is made of the service's working directory: upon service.packages, or else, for commands
    of ``{python}``, upon an image of Python.
    """

    name: str | None = Field(None, min_length=1, description="An image that the engine has or can pull.")
    build: Path | None = Field(None, description="A folder with a Dockerfile, relative to the working directory.")
    base: str | None = Field(None, min_length=1, description="An image into whose folder /service binary is placed.")
    packages: list[str] = Field([], description="Debian packages that make up such an image, in place of a base.")
    binary: Spellings = Field(
        [], description="With base or packages: a file or folder, or several, of the working directory."
    )
    command: list[Word] | None = Field(
        None, description="Instead of service.command; [] for the image's own entrypoint and command."
    )
    read_only: StrictBool = Field(False, description="Whether its root file system is read-only, as it may be shipped.")
    tmpfs: list[Folder] = Field([], description='With read_only: folders in memory to write to, e.g. "/tmp".')

    @property
    def is_assembled(self) -> bool:
        """Whether files of the service are placed in it."""
        return self.base is not None or bool(self.packages)


class Manifest(Table):
    """A service manifest, ``service.toml``."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this format: 1.")
    service: Service
    image: Image | None = Field(None, description="The image that it ships as, for the docker lab.")
    ready: Ready = Field(Ready(), description="How it shows that it is ready.")
    timeouts: Timeouts = Field(Timeouts(), description="How long each step may take.")
    limits: Limits = Field(Limits(), description="What the service may use.")
    listen: list[Listen] = Field([], description="What it accepts on.")
    connect: list[Connect] = Field([], description="How it dials out.")
    configuration: list[Configuration] = Field([], description="The ways in which it can be configured.")
    exception: list[Exemption] = Field([], description="Requirements that are not for it.")
    known: list[Known] = Field([], description="Failings that are known.")
