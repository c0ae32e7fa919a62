"""The manifest that a command and what was found out about it amount to."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dualstack.errors import UsageError
from dualstack.protocols.registry import PROTOCOLS
from dualstack.transport import Transport
from dualstack.trying.ports import OpenPort
from dualstack.trying.speaking import SILENT, Spoken

_HEAD = """\
# "dualstack check" validates this file, "dualstack help manifest" explains every key.
schema = 1
"""

_FILE = re.compile(r"(?!-)[\w./@+-]+")
_LONGEST = 60  # characters of a name
_DATAGRAMS = frozenset(item.name for item in PROTOCOLS.values() if Transport.UDP in item.transports)
_DATAGRAMS -= {"exchange", "oneway"}  # they need further keys
_UNNAMED = re.compile(r"[^A-Za-z0-9._-]+")


def service_name(command: Sequence[str]) -> str:
    """Return a name for a service: that of its program; of the script or module if an interpreter runs it."""
    words = [Path(command[0]).name, *(Path(word).name for word in command[1:] if _FILE.fullmatch(word))]
    interpreted = words and re.fullmatch(r"(python|node|ruby|perl|php|sh|bash|java|env)[0-9.]*", words[0])
    chosen = words[1] if interpreted and len(words) > 1 else words[0]
    return _UNNAMED.sub("-", Path(chosen).stem or chosen).strip("-.")[:_LONGEST] or "service"


def _image_tables(image: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield the lines of ``[service]`` and ``[image]`` for a container image, with its own command or with another."""
    name = _UNNAMED.sub("-", image.partition("@")[0].rpartition("/")[2].partition(":")[0]).strip("-.")
    yield from ("[service]", f"name = {quoted(name[:_LONGEST] or 'service')}", "", "[image]")
    yield f"name = {quoted(image)}"
    yield f"command = [{', '.join(map(quoted, arguments))}]"


def service_table(
    command: Sequence[str], directory: Path, manifest: Path, packages: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the lines of ``[service]``; the command runs in a directory, which is relative to the manifest's."""
    yield "[service]"
    yield f"name = {quoted(service_name(command))}"
    where = os.path.relpath(directory, manifest.parent)
    if where != ".":
        yield f"directory = {quoted(where)}"
    if packages:
        yield f"packages = [{', '.join(map(quoted, packages))}]"
    yield f"command = [{', '.join(map(quoted, command))}]"


def server_manifest(
    command: Sequence[str],
    directory: Path,
    manifest: Path,
    ports: Mapping[OpenPort, Spoken],
    *,
    ready: float | None = None,
    image: str = "",
    packages: Sequence[str] = (),
) -> str:
    """Return the manifest of a program that listens.

    Args:
        command: Its command.
        directory: The folder in which it runs.
        manifest: Where the manifest will be.
        ports: Its ports, and what it speaks on each.
        ready: The seconds within which it must open its first port; None for the default.
        image: The container image that the command runs in; with an empty command the image's own.
        packages: The Debian packages that the command needs.
    """
    own = _image_tables(image, command) if image else service_table(command, directory, manifest, packages)
    lines = [_HEAD, *own]
    if not _holds(command, "{bind}"):
        lines.append("# More requirements apply with [listen.bind], and {bind} and {port} in the command.")
    lines += ["", *([] if ready is None else ["[timeouts]", f"ready = {ready:.1f}", ""])]
    for number, (port, spoken) in enumerate(ports.items()):
        lines += [*_listener(port, spoken), ""]
        placeholder = f"{{{name_of(port)}.bind}}"
        if _holds(command, placeholder) or (number == 0 and _holds(command, "{bind}")):
            lines += [*_bind(bracketed=any("bind}:" in word for word in command)), ""]
    return "\n".join(lines)


def client_manifest(
    command: Sequence[str], directory: Path, manifest: Path, protocol: str = "", packages: Sequence[str] = ()
) -> str:
    """Return the manifest of a command that connects.

    Args:
        command: Its command, with {target} or {host}.
        directory: The folder in which it runs.
        manifest: Where the manifest will be.
        protocol: What its server speaks; empty: what the command suggests.
        packages: The Debian packages that the command needs.
    """
    spoken = Spoken(protocol) if protocol else suggested(command)
    table = service_table(command, directory, manifest, packages)
    service = [line for line in table if not line.startswith("command")]
    name = service_name(command)
    lines = [_HEAD, *service, "", "[[connect]]", f"name = {quoted(name)}"]
    lines.append(f"command = [{', '.join(map(quoted, command))}]")
    if spoken is None:
        lines.append("# What its server speaks is not known: the lab's sends back what it gets. If it is another one:")
        return "\n".join([*lines, '# protocol = "http"    # "redis", "exchange" with turns …', ""])
    lines.append(f'protocol = "{spoken.protocol}"')
    return "\n".join([*lines, *(["", "[connect.tls]"] if spoken.tls else []), ""])


def assumption(command: Sequence[str], seen: str = "") -> str:
    """Return what the server of a command is taken to speak, as a sentence.

    Args:
        command: The command.
        seen: The protocol that the command was seen to speak; empty for none.
    """
    if seen:
        return f"the lab's server speaks {Spoken(seen)}, as the command does; --protocol NAME names another one"
    if spoken := suggested(command):
        return f"the lab's server speaks {spoken}, as the command suggests; --protocol NAME names another one"
    return "the lab's server sends back what it gets; if the command expects another one: --protocol http, redis …"


def _bind(*, bracketed: bool) -> Iterator[str]:
    """Yield the lines of ``[listen.bind]`` for a command that takes plain addresses, or IPv6 addresses in brackets."""
    form = "[{}]" if bracketed else "{}"
    yield "[listen.bind]    # how the command takes an address, by meaning; remove what it cannot take"
    yield f'any = "{form.format("::")}"'
    yield 'ipv4_any = "0.0.0.0"'
    yield f'# ipv6_any = "{form.format("::")}"    # if that means IPv6 only'
    yield 'ipv4_address = "{address}"'
    yield f'ipv6_address = "{form.format("{address}")}"'


def _holds(command: Sequence[str], placeholder: str) -> bool:
    """Return whether a placeholder stands in a command."""
    return any(placeholder in word for word in command)


def name_of(port: OpenPort) -> str:
    """Return the name of the listener of a port."""
    return f"{port.transport.value}-{port.port}"


_SCHEMES = {
    "http": Spoken("http"),
    "https": Spoken("http", tls=True),
    "ws": Spoken("websocket"),
    "wss": Spoken("websocket", tls=True),
    "redis": Spoken("redis"),
    "rediss": Spoken("redis", tls=True),
    "mqtt": Spoken("mqtt"),
    "rtsp": Spoken("rtsp"),
    "ftp": Spoken("ftp"),
}
"""What the server of a URI speaks, by its scheme."""

_PROGRAMS = {"redis": "redis", "kafka": "kafka", "mosquitto": "mqtt", "grpc": "grpc", "curl": "http", "wget": "http"}
"""What the server of a program speaks, by how the program's name begins."""


def suggested(command: Sequence[str]) -> Spoken | None:
    """Return what the server of a command speaks, as its URI or the program's name suggest; None if neither does."""
    for word in command:
        if scheme := re.search(r"(\w+)://", word):
            return _SCHEMES.get(scheme[1].lower(), Spoken("http"))
    program = Path(command[0]).name
    return next((Spoken(name) for start, name in _PROGRAMS.items() if program.startswith(start)), None)


def _listener(port: OpenPort, spoken: Spoken) -> Iterator[str]:
    """Yield the lines of one ``[[listen]]`` table."""
    yield "[[listen]]"
    yield f'name = "{name_of(port)}"'
    if port.transport is Transport.UDP:
        yield 'transport = "udp"'
    yield f"port = {port.port}"
    if port.transport is Transport.UDP and spoken.protocol in _DATAGRAMS:
        yield f'protocol = "{spoken.protocol}"'
    elif port.transport is Transport.UDP:
        yield 'protocol = "oneway"     # change this: "exchange" with send and expect, "echo", "sip" …'
        yield 'send = "{token}"'
        yield 'received_log = "{token}"'
    elif spoken.protocol == SILENT.protocol:
        yield '# What it speaks was not recognised: the cases only connect. If you know it: "http", "exchange" …'
        yield f'protocol = "{spoken.protocol}"'
    else:
        yield f'protocol = "{spoken.protocol}"'
        yield from [f"expect = {quoted('^' + re.escape(spoken.greeting))}"] if spoken.greeting else []
    if port.is_local:
        yield "# It listens on loopback addresses alone. Without this line clients on another host must be served."
        yield 'scope = "loopback"'
    if spoken.tls and port.transport is Transport.TCP:
        yield from ("", "[listen.tls]", 'verify = "none"')


def quoted(text: str) -> str:
    """Return a text as a basic string of TOML."""
    return json.dumps(text, ensure_ascii=False)


def save(text: str, path: Path) -> None:
    """Write a manifest.

    Raises:
        UsageError: The file exists already, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path}: exists already; give another name after --save") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
