"""``dualstack try``: what a command does on each kind of host, without a manifest."""

import argparse
import errno
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dualstack.cli.own_folder import own_folder
from dualstack.cli.terminal import Terminal
from dualstack.cli.try_client import conclude, try_client
from dualstack.errors import UsageError
from dualstack.families import BOTH, Family, bracketed
from dualstack.prober.messages import Outcome, SocketRow
from dualstack.rootfs import build_root
from dualstack.survey import NOT_LISTENING, STATES, STATUS, UNACCEPTED, Observation
from dualstack.topology import load_topology
from dualstack.transport import Transport
from dualstack.trying.drafting import name_of, server_manifest
from dualstack.trying.ports import OpenPort
from dualstack.trying.serving import Tried, hidden_files, is_dialled, try_server, unwritable_files
from dualstack.trying.speaking import Spoken

_UNTRIED = "not tried: a UDP service answers only what it understands"

_UNRECOGNISED = "what it speaks is not recognised"

_LOCAL = "It listens on loopback addresses alone: its clients here run on its own host, and no other host can reach it."

_YES, _NO, _ABSENT = "✓", "✗", "-"


def main(options: argparse.Namespace) -> int:
    """Try a command; return 0 if it serves both families on every kind of host that has them."""
    command = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not command and not options.image:
        example = "--client -- curl http://{target}/" if options.client else "-- ./server --port 8080"
        raise UsageError(f"no command; for example: dualstack try {example}")
    if options.client and options.image:
        raise UsageError("--image is a program that listens: it does not go with --client")
    if options.image and options.package:
        raise UsageError("--package is for a program of this machine: --image has its own root file system")
    if not (options.image or options.package) and shutil.which(command[0]) is None:
        raise UsageError(
            f"{command[0]}: no such program; give its path, a name that is on PATH, or its Debian package (--package)"
        )
    console, began = Terminal(highlight=False, markup=False, emoji=False), time.monotonic()
    if options.package:
        with console.status("building a root file system") as status:
            build_root(options.package, lambda line: status.update(f"root file system: {line}"))
    if options.client:
        return try_client(console, command, options, began)
    if options.protocol:
        raise UsageError("--protocol belongs to --client; what a server speaks is found out")
    with own_folder("try") as folder:
        with console.status("making a lab") as status:
            tried = try_server(
                command,
                Path.cwd(),
                folder,
                wait=options.wait,
                told=status.update,
                image=options.image,
                packages=options.package,
            )
        return _show(console, tried, command, options, began)


def _show(console: Terminal, tried: Tried, command: list[str], options: argparse.Namespace, began: float) -> int:
    """Print what was found out, and write the manifest if that is asked for; return the exit code."""
    if not tried.ports:
        console.paragraph(f"{shlex.join([options.image] * bool(options.image) + command)}: {tried.ended}", hang=2)
        for line in tried.output:
            console.paragraph(line, indent=4, style="dim")
        for hint in _hints(command, tried.output, own_root=bool(options.image or options.package)):
            console.paragraph(hint, indent=2)
        return 2
    for port, spoken in tried.ports.items():
        what = _what(port, spoken, tried.seen)
        console.paragraph(f"{port.port}/{port.transport.value}  {what}; {_sockets(port.rows)}", hang=2)
        if port.is_local:
            console.paragraph(_LOCAL, indent=2)
    path: Path | None = options.save
    if tried.seen:
        console.print()
        console.table(*_table(tried.seen))
    reasons = _reasons(tried.seen)
    if reasons:
        console.print()
    for reason in reasons:
        console.paragraph(f"{_NO} {reason}", hang=2)
    manifest = (path or Path("service.toml")).absolute()
    text = server_manifest(
        command, Path.cwd(), manifest, tried.ports, ready=10.0, image=options.image, packages=options.package
    )
    conclude(console, text, path, began, docker=bool(options.image))
    if not tried.seen:  # nothing was verified
        return 2
    return 1 if reasons else 0


def _what(port: OpenPort, spoken: Spoken, seen: Iterable[Observation]) -> str:
    """Return what a program speaks on a port, in words."""
    if not is_dialled(port, spoken):
        return _UNTRIED
    own = [item for item in seen if item.listener == name_of(port)]
    return _UNRECOGNISED if any(UNACCEPTED in item.answers.values() for item in own) else str(spoken)


def _hints(command: list[str], output: Sequence[str], *, own_root: bool) -> Iterator[str]:
    """Yield why a program may not start in a lab although it starts on the machine, as far as its output says so."""
    for hidden in hidden_files(command, Path.cwd(), output):
        yield f"a program in a lab sees its working directory, but not {hidden}: run it from the folder of its files"
    unwritable = [] if own_root else unwritable_files(output)
    if unwritable:
        yield (
            f"a program in a lab cannot write to {' or '.join(unwritable)}, only to its working directory, /tmp, /run "
            "and homes: configure that, or run it from its Debian package, where it can: "
            f"dualstack try --package NAME -- {shlex.join(command)}"
        )


def _table(seen: Iterable[Observation]) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the rows of the table: kinds of hosts, and for each port both families."""
    seen = list(seen)
    listeners = list(dict.fromkeys(item.listener for item in seen))
    several = len(listeners) > 1
    heads = ["kind of host"]
    heads += [f"{_port(name)} {family.label}" if several else family.label for name in listeners for family in BOTH]
    by_place = {(item.state, item.listener): item for item in seen}
    rows = [
        [load_topology(topology).title]
        + [_cell(by_place[state, name], family) for name in listeners for family in BOTH]
        for state, topology in STATES.items()
    ]
    return heads, rows


def _port(listener: str) -> str:
    """Return the port of a listener as people write it: ``8080``, ``5353/udp``."""
    transport, _, port = listener.partition("-")
    return port if transport == Transport.TCP.value else f"{port}/{transport}"


def _cell(item: Observation, family: Family) -> str:
    """Return whether a family was served on a kind of host."""
    if family not in load_topology(STATES[item.state]).families():
        return _ABSENT
    return _YES if _served(item, family) else _NO


def _served(item: Observation, family: Family) -> bool:
    """Return whether a client was answered over a family."""
    return item.answers.get(family.value) == Outcome.ANSWERED.value


def _reasons(seen: Iterable[Observation]) -> list[str]:
    """Return why families are not served, one sentence for each reason, with all kinds of hosts that have it."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for item in seen:
        topology = load_topology(STATES[item.state])
        missing = [family for family in topology.families() if not _served(item, family)]
        if missing:
            families = " and ".join(family.label for family in missing)
            key = (_port(item.listener), families, _reason(item, missing))
            places.setdefault(key, []).append(topology.title)
    return [
        f"port {port} over {families}: {reason} ({'; '.join(titles)})"
        for (port, families, reason), titles in places.items()
    ]


def _reason(item: Observation, missing: list[Family]) -> str:
    """Return why families are not served."""
    if item.sockets == NOT_LISTENING:
        return f"it does not listen: {item.error}"
    concerned = [row for row in item.rows if row.serves & set(missing)]
    line = f'; its output says: "{item.error}"' if item.error else ""
    if not concerned:
        return f"it listens only on {_sockets(item.rows)}{line}"
    if item.ended:
        return f"it listens on {_sockets(item.rows)}, but it {item.ended} while it was tried{line}"
    ends = dict.fromkeys(item.answers.get(family.value, "no exchange") for family in missing)
    if UNACCEPTED in ends:
        return (
            f"it listens on {_sockets(item.rows)}, and the kernel establishes connections, but the program does not "
            "accept them: they wait in the queue of its socket"
        )
    wildcards = {family.wildcard for family in BOTH}
    if set(ends) == {errno.errorcode[errno.ECONNREFUSED]} and not wildcards & {row.address for row in concerned}:
        local = " (loopback)" if all(row.is_local for row in concerned) else ""
        return f"it listens only on {_places(concerned)}{local} for {' and '.join(family.label for family in missing)}"
    how = "answers with" if all(end.startswith(STATUS) for end in ends) else "does not answer:"
    return f"it listens on {_sockets(item.rows)}, but {how} {', '.join(ends)}"


def _sockets(rows: Iterable[SocketRow]) -> str:
    """Return sockets in words."""
    return " and ".join(sorted({_socket(row) for row in rows}))


def _places(rows: Iterable[SocketRow]) -> str:
    """Return the addresses of sockets."""
    return " and ".join(sorted({bracketed(row.address) for row in rows}))


def _socket(row: SocketRow) -> str:
    """Return a socket in words: ``0.0.0.0 (IPv4)``, ``[::] (IPv6 and IPv4)``."""
    families = " and ".join(family.label for family in reversed(BOTH) if family in row.serves)
    return f"{bracketed(row.address)} ({families})"
