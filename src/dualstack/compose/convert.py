"""Writing the manifest that one service of a compose file amounts to, and what of the file it does not honour."""

import os
from collections.abc import Iterator
from pathlib import Path

from dualstack.compose import reading
from dualstack.compose.draft import Draft, list_of, table_of
from dualstack.compose.source import read
from dualstack.protocols.registry import PROTOCOLS
from dualstack.transport import Transport
from dualstack.trying.drafting import quoted

_HEAD = """\
# Made by dualstack from {file}. "dualstack help manifest" explains every key, "dualstack help compose" what is not
# honoured.
schema = 1
"""

_HTTP = "change this if it is not HTTP: dualstack help manifest lists the protocols"
_PROTOCOLS = {
    "tcp": {6379: "redis", 1883: "mqtt", 21: "ftp", 554: "rtsp", 9092: "kafka"},
    "udp": {7: "echo", 5060: "sip"},
}
"""What is spoken on a port, if the file does not say it."""

_SECURE = {"https": "http", "sips": "sip", "rediss": "redis", "wss": "websocket"}
"""Names of protocols that mean another one inside TLS."""

_SIGNALS = frozenset({"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP"})


def manifest_of(path: Path, name: str, manifest: Path) -> tuple[str, list[str]]:
    """Return the manifest that a service amounts to, and what is not honoured, one sentence each.

    Args:
        path: The compose file.
        name: The service that is verified.
        manifest: Where the manifest will be.

    Raises:
        UsageError: The file cannot be read, or the service cannot run in a lab.
    """
    draft = Draft(read(path), manifest.parent)
    service = draft.service(name)
    components = list(dict.fromkeys(draft.needed(name)))
    lines = [_HEAD.format(file=path.name), "[service]", f"name = {quoted(name)}"]
    lines += [f"directory = {quoted(os.path.relpath(path.resolve().parent, manifest.parent.resolve()))}"]
    lines += _environment(draft, name)
    if "stop_signal" in service:
        if service["stop_signal"] in _SIGNALS:
            lines.append(f"stop_signal = {quoted(service['stop_signal'])}")
        else:
            draft.note(("services", name, "stop_signal"), f"allowed: {', '.join(sorted(_SIGNALS))}")
    lines += ["", "[image]", *draft.image(name, "name"), "command = []"]
    lines += _file_system(draft, name)
    lines += draft.container(name, table="image.container")
    lines += ["", "[timeouts]", "ready = 60.0"]
    for component in components:
        lines += _component(draft, component)
    lines += _listeners(draft, name)
    for each in (name, *components):
        draft.unhonoured(each)
    for other in draft.source.data["services"]:
        if other not in (name, *components):
            draft.note(("services", other), f"it is not started: {name} does not depend on it")
    _check_ports(draft, (name, *components))
    return "\n".join([*lines, ""]), draft.notes


def _environment(draft: Draft, name: str) -> list[str]:
    """Return the line with a service's variables."""
    found = reading.environment(draft.source, name, draft.service(name))
    return [f"environment = {table_of(found)}"] if found else []


def _file_system(draft: Draft, name: str) -> Iterator[str]:
    """Yield the lines about a read-only file system."""
    service = draft.service(name)
    folders = service.get("tmpfs") or []
    folders = [str(item).partition(":")[0] for item in (folders if isinstance(folders, list) else [folders])]
    if service.get("read_only") is True:
        yield "read_only = true"
        yield from [f"tmpfs = {list_of(folders)}"] if folders else []
    elif folders:
        draft.note(("services", name, "tmpfs"), "the folder is that of the image, which is writable")


def _component(draft: Draft, name: str) -> Iterator[str]:
    """Yield the lines of one component."""
    service = draft.service(name)
    yield from ("", "[[component]]", f"name = {quoted(name)}")
    yield from draft.image(name, "image")
    yield from _environment(draft, name)
    tcp = [port.number for port in reading.ports(draft.source, name, service) if port.transport == "tcp"]
    if tcp:
        yield f"port = {tcp[0]}"
    after = [
        other for other, condition in reading.needs(service).items() if condition != "service_completed_successfully"
    ]
    if after:
        yield f"after = {list_of(after)}"
    for word in ("read_only", "tmpfs", "stop_signal"):
        if service.get(word):
            draft.note(("services", name, word), "it is for the service that is verified, not for components")
    yield from draft.container(name, table="component.container")


def _listeners(draft: Draft, name: str) -> Iterator[str]:
    """Yield the lines of the listeners of the service that is verified.

    Raises:
        UsageError: It has none that can be verified.
    """
    found = False
    for port in reading.ports(draft.source, name, draft.service(name)):
        if port.is_range:
            draft.note(port.key, f"of a range of ports only the first one, {port.number}, is verified")
        spoken = _spoken(draft, port)
        if not spoken:
            draft.note(port.key, "what is sent over UDP is not known: add a [[listen]] to the manifest")
            continue
        found = True
        yield from ("", "[[listen]]", f'name = "{port.transport}-{port.number}"', f"port = {port.number}")
        if port.transport == "udp":
            yield 'transport = "udp"'
        yield f'protocol = "{spoken}"' + (f"   # {_HTTP}" if spoken == "http" and not port.protocol else "")
        if port.protocol in _SECURE or (not port.protocol and port.number in {443, 8443}):
            yield from ("", "[listen.tls]", 'verify = "none"')
    if not found:
        text = "no port that can be verified: name the TCP ports on which it listens in ports or expose"
        raise draft.source.fault(("services", name), text)


def _spoken(draft: Draft, port: reading.Port) -> str:
    """Return the protocol of a port: what the file says, or what is usual there; empty if that is not known."""
    named = _SECURE.get(port.protocol, port.protocol)
    if named in PROTOCOLS and Transport(port.transport) in PROTOCOLS[named].transports:
        return named
    if named:
        where = f" over {port.transport.upper()}" if named in PROTOCOLS else ""
        text = f"{port.protocol} is not known{where}: dualstack help manifest lists the protocols"
        draft.note((*port.key, "app_protocol"), text)
    return _PROTOCOLS[port.transport].get(port.number, "http" if port.transport == "tcp" else "")


def _check_ports(draft: Draft, names: tuple[str, ...]) -> None:
    """Refuse two services with the same port: they share a host.

    Raises:
        UsageError: There are two.
    """
    seen: dict[tuple[int, str], str] = {}
    for name in names:
        for port in reading.ports(draft.source, name, draft.service(name)):
            other = seen.setdefault((port.number, port.transport), name)
            if other != name:
                text = f"{other} and {name} both have port {port.number}, and share the network of one host: change one"
                raise draft.source.fault(port.key, text)
