"""``[[connect]]``."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool

from dualstack.families import BOTH, Family
from dualstack.manifest.base import (
    Bytes,
    Command,
    Environment,
    FileModes,
    Name,
    Port,
    Table,
    distinct,
    files_stay_in_scratch,
)
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.manifest.protocol import ProtocolName, runs_over
from dualstack.manifest.texts import Place, stands_in
from dualstack.manifest.tls import ConnectTls
from dualstack.manifest.trigger import Trigger
from dualstack.protocols.application import Trait
from dualstack.protocols.registry import PROTOCOLS, one_of, served, traits_of
from dualstack.transport import Transport


def _valid_exit_code(data: object) -> object:
    """Refuse what is neither an exit code nor "any"."""
    if data == "any" or (isinstance(data, int) and not isinstance(data, bool) and data in range(256)):
        return data
    raise ValueError(f'found {data!r}; allowed: a number from 0 to 255, or "any"')


ExitCode = Annotated[int | Literal["any"], BeforeValidator(_valid_exit_code)]


class Turn(Table):
    """One turn of the lab's server. The turns are used in order; the last one also answers all that follows it."""

    expect: Regex | None = Field(
        None,
        description="A regular expression that must match what the client sent since the turn before. It should match "
        "a whole message, with its line end. Omit it in the first turn only, if the server speaks first.",
    )
    send: Bytes = Field("", description="What the server answers (Latin-1).")
    close: StrictBool = Field(False, description="Whether the server closes the connection after its answer.")


class Connect(Table):
    """A command that connects to a server. It runs once and ends by itself, or it runs until it is stopped."""

    name: Name = Field(description="A short name, for the report.")
    mode: Literal["once", "daemon"] = Field(
        "once",
        description='"once": each run ends by itself, and its exit code says whether it succeeded. "daemon": it runs '
        "until it is stopped, and a run succeeds when it has completed an exchange with the lab's server.",
    )
    command: Command = Field(
        description="The command; {host} and {port}, or {target}, say where to connect, here or in a file."
    )
    transport: Transport = Field(Transport.TCP, description="The transport protocol: tcp or udp.")
    port: Port = Field(8000, description="The port of the lab's server.")
    protocol: ProtocolName = Field(
        "echo",
        description=f"The application protocol of the lab's server: {one_of(served())}.",
    )
    turns: list[Turn] = Field(
        [],
        description='With protocol = "exchange": what the server expects and answers, in this order, on each '
        "connection.",
    )
    tls: ConnectTls | None = Field(None, description="The lab's server speaks TLS; omit if it does not.")
    families: list[Family] = Field(list(BOTH), min_length=1, description="The families that it claims to use.")
    environment: Environment = Field({}, description="Environment variables besides those of the service.")
    files: dict[str, str] = Field(
        {}, description="Files that are written to {scratch} before each run: name and contents."
    )
    file_modes: FileModes = Field({})
    input: str | None = Field(None, description="The text on its standard input, before end of file.")
    exit_code: ExitCode = Field(
        0,
        description='With mode = "once": the exit code that means success; "any" if each code may, provided that the '
        "lab's server saw a connection. Without one every code but 0 is a failure.",
    )
    output: Regex | None = Field(None, description="A regular expression that the output must match on success.")
    ready_log: Regex | None = Field(
        None,
        description='With mode = "daemon": a regular expression that a line of its output must match before it is '
        "triggered.",
    )
    trigger: Trigger | None = Field(
        None,
        description='With mode = "daemon": what makes it connect; omit if it connects at its start, or by a timer.',
    )
    source_command: Command | None = Field(
        None,
        description="The command that also sets the local address of its connections: {source} is an IPv4 or IPv6 "
        "address of its host. Omit it if that cannot be configured.",
    )
    literals: StrictBool = Field(True, description="Whether it accepts IP addresses as host.")
    names: StrictBool = Field(True, description="Whether it accepts names as host.")
    zones: StrictBool | None = Field(
        None,
        description="Whether it accepts an IPv6 address with a zone as host, fe80::1%eth0: true requires it, and false "
        "leaves these addresses out. Default: what happens is reported, and not judged.",
    )

    @property
    def traits(self) -> frozenset[Trait]:
        """The traits of its application protocol."""
        return traits_of(self.protocol)

    @property
    def runs_on(self) -> bool:
        """Whether it runs until it is stopped."""
        return self.mode == "daemon"

    @property
    def texts(self) -> tuple[str, ...]:
        """All its texts that may have placeholders."""
        return (*self.command, *(self.source_command or ()), *self.environment.values(), *self.files.values())

    def _knows_where_to_connect(self) -> Iterator[Fault]:
        """Refuse a command without the server's address."""
        if not any("{host}" in part or "{target}" in part for part in self.texts):
            yield Fault(
                ("command",), "it contains neither {host} nor {target}; add one, so that it knows where to connect"
            )

    def _source_is_used(self) -> Iterator[Fault]:
        """Refuse a source_command without {source}, and {source} elsewhere."""
        if self.source_command is not None and not any(stands_in("source", text) for text in self.source_command):
            yield Fault(("source_command",), "it does not contain {source}; add it where the local address is set")
        if any(stands_in("source", text) for text in (*self.command, *self.environment.values(), *self.files.values())):
            yield Fault(("command",), "{source} belongs to source_command, which is used when a local address is set")

    def _server_speaks(self) -> Iterator[Fault]:
        """Refuse a protocol that the lab's server does not speak."""
        if not PROTOCOLS[self.protocol].serves:
            text = f'protocol = "{self.protocol}" is for listeners'
            yield Fault(("protocol",), f"{text}; the lab's server speaks {', '.join(item.name for item in served())}")
        elif self.transport not in PROTOCOLS[self.protocol].serves:
            yield Fault(("protocol",), f'protocol = "{self.protocol}" {runs_over(self.transport)}')

    def _turns_fit_the_protocol(self) -> Iterator[Fault]:
        """Refuse turns with another protocol, and protocol = "exchange" without turns."""
        is_declared = Trait.DECLARED in self.traits
        if self.turns and not is_declared:
            yield Fault(("turns",), '"turns" belongs to protocol = "exchange"')
        if not self.turns and is_declared:
            yield Fault(
                ("protocol",),
                'protocol = "exchange" needs "turns": what the server expects and answers, e.g. '
                'turns = [{ expect = "^PING\\r\\n", send = "PONG\\r\\n" }]',
            )

    def _turns_are_in_order(self) -> Iterator[Fault]:
        """Refuse a turn that cannot be reached, and one that does nothing."""
        for position, turn in enumerate(self.turns):
            place = ("turns", position)
            if turn.expect is None and position:
                yield Fault(place, 'it needs "expect": only the first turn may omit it, if the server speaks first')
            elif turn.expect is None and self.transport is Transport.UDP:
                yield Fault(place, 'it needs "expect": over UDP the client speaks first')
            if not turn.send and not turn.close:
                yield Fault(place, 'it needs "send", "close = true", or both')
            if turn.close and position < len(self.turns) - 1:
                yield Fault((*place, "close"), "the turns after it are never used")
            if turn.close and self.transport is Transport.UDP:
                yield Fault((*place, "close"), "over UDP there is no connection to close")

    def _tls_fits_transport(self) -> Iterator[Fault]:
        """Refuse TLS over UDP."""
        if self.tls is not None and self.transport is Transport.UDP:
            yield Fault(("tls",), '"tls" belongs to transport = "tcp"')

    def _keys_fit_the_mode(self) -> Iterator[Fault]:
        """Refuse keys of the other mode, and a signal that could arrive before the daemon handles it."""
        given = self.model_fields_set
        if self.runs_on and "exit_code" in given:
            yield Fault(
                ("exit_code",),
                '"exit_code" belongs to mode = "once"; a daemon succeeds when it has completed an exchange',
            )
        for key in ("ready_log", "trigger"):
            if not self.runs_on and key in given:
                yield Fault((key,), f'"{key}" belongs to mode = "daemon"')
        if self.trigger is not None and self.trigger.signal is not None and self.ready_log is None:
            yield Fault(
                ("ready_log",),
                "missing; a signal may arrive before the daemon handles it: add a line that it writes when it does",
            )

    def _listens_for_its_trigger(self) -> Iterator[Fault]:
        """Refuse {listen} without a port for the request of the trigger."""
        has_port = self.trigger is not None and self.trigger.port is not None
        if not has_port and any(stands_in("listen", text) for text in self.texts):
            yield Fault(("trigger",), "{listen} is used, but there is no trigger.port: the port that it listens on")

    CHECKS = (
        files_stay_in_scratch,
        _keys_fit_the_mode,
        _listens_for_its_trigger,
        _knows_where_to_connect,
        _source_is_used,
        _server_speaks,
        _turns_fit_the_protocol,
        _turns_are_in_order,
        _tls_fits_transport,
        distinct("families", "a family"),
    )
    TEXTS = dict.fromkeys(("command", "source_command", "environment"), Place.CONNECTOR)
