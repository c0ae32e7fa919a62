"""``dualstack try --client``: what a command that connects does with each kind of target."""

import argparse
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from dualstack.cli.init import check_protocol
from dualstack.cli.own_folder import own_folder
from dualstack.cli.parser import make_parser
from dualstack.cli.terminal import Terminal
from dualstack.cli.verifying import verify
from dualstack.errors import UsageError
from dualstack.results import Record, read_records
from dualstack.transport import Transport
from dualstack.trying.connecting import MEANINGS, REQUIREMENTS, TOPOLOGIES, Row, State, rows
from dualstack.trying.drafting import assumption, client_manifest, save, suggested
from dualstack.world.unspoken import revealed

_AT_ONCE = 3
"""How many cases of a client run at the same time: they wait for most of their time."""

_FIRST = ("CONNECT-001", "CONNECT-002")
"""The requirements whose cases show soon what a client speaks."""


def try_client(console: Terminal, command: list[str], options: argparse.Namespace, began: float) -> int:
    """Try a command that connects; return 0 if it works with every target, 2 if it fails with none, but one is unknown.

    If nothing says what its server speaks, what it sends to the first target may show it.
    """
    if not any(sign in word for word in command for sign in ("{target}", "{host}")):
        raise UsageError(
            "the command names no server of the lab: write {target} where it takes host:port, or {host} and {port}; "
            "for example: dualstack try --client -- curl http://{target}/"
        )
    if options.protocol:
        check_protocol("--protocol", options.protocol, Transport.TCP)
    protocol = options.protocol or ""
    if not protocol and not suggested(command):
        with console.status("finding out what it speaks"):
            protocol = revealed(item.reason for item in _records(console, command, options, "", _FIRST))
    with console.status("running it with each kind of target"):
        requirements = [name for names in REQUIREMENTS.values() for name in names]
        found = list(rows(_records(console, command, options, protocol, requirements)))
    if not options.protocol:
        console.paragraph(assumption(command, protocol))
        console.print()
    _show_rows(console, found)
    saved = (options.save or Path()).absolute()
    text = client_manifest(command, Path.cwd(), saved, protocol, options.package)
    conclude(console, text, options.save, began)
    states = {row.state for row in found}
    return 1 if State.FAILS in states else 2 * (State.UNKNOWN in states)


def _records(
    console: Terminal, command: list[str], options: argparse.Namespace, protocol: str, requirements: Sequence[str]
) -> list[Record]:
    """Run a command against servers of a protocol (empty: what the command suggests); return the cases' records."""
    with own_folder("try") as folder:
        path = folder / "service.toml"
        path.write_text(client_manifest(command, Path.cwd(), path, protocol, options.package), encoding="utf-8")
        words = ["run", str(path), "--results", str(folder), "-n", str(_AT_ONCE)]
        words += [word for name in requirements for word in ("--requirement", name)]
        words += [word for name in TOPOLOGIES for word in ("--topology", name)]
        done = verify(make_parser().parse_args(words), _progress(console))
        if done.interrupted:
            _show_known(console, read_records(done.folder) if done.folder is not None else [])
            raise KeyboardInterrupt
        if done.folder is None:
            raise UsageError("\n".join(line.removeprefix("ERROR: ") for line in done.printed.splitlines() if line))
        return list(read_records(done.folder))


def _progress(console: Terminal) -> Terminal:
    """Return where the progress of the run is shown: nowhere beside a status line, else as lines on standard error."""
    return Terminal(quiet=True) if console.is_terminal else Terminal(stderr=True, force_terminal=False)


def _show_known(console: Terminal, records: Iterable[Record]) -> None:
    """Print the rows whose cases had ended when the run was interrupted."""
    records = list(records)
    known = {record.requirement for record in records}
    if found := [row for row in rows(records) if known & {*REQUIREMENTS[row.target]}]:
        _show_rows(console, found)


def _show_rows(console: Terminal, found: Sequence[Row]) -> None:
    """Print what a client does with each kind of target, the meaning of the signs, and the reasons."""
    measured = any(row.measures for row in found)
    heads = ["connects to", "", *["measured"] * measured]
    console.table(heads, [[row.target, row.state.value, *[_measured(row)] * measured] for row in found])
    if signs := [
        f"{state.value} {words}" for state, words in MEANINGS.items() if state in {row.state for row in found}
    ]:
        console.paragraph("   ".join(signs), style="dim")
    reasons = [f"{row.state.value} {row.target}: {row.reason}" for row in found if row.reason]
    if reasons:
        console.print()
    for reason in reasons:
        console.paragraph(reason, hang=2)


def _measured(row: Row) -> str:
    """Return what was measured."""
    return "; ".join(dict.fromkeys(f"{item.name} {item.value:.0f} ms" for item in row.measures))


def conclude(console: Terminal, manifest: str, path: Path | None, began: float, *, docker: bool = False) -> None:
    """Write the manifest if that is asked for, and say what comes next."""
    if path is not None:
        save(manifest, path)
        console.print(f"\n{path} written; next: dualstack run {'--lab docker ' * docker}{path}")
    else:
        console.print("\n--save service.toml keeps this as a manifest; dualstack run then verifies every requirement")
    console.print(f"{time.monotonic() - began:.1f} s", style="dim")
