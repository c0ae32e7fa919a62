"""Protocols from outside on the command line: checked like ours, and refused with the file that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.content import ROOT
from dualstack.protocols.registry import PROTOCOLS

Command = Callable[..., CompletedProcess[str]]

EXAMPLE = ROOT / "examples" / "own_suites"
MANIFEST = EXAMPLE / "stock.toml"
STOCK = (EXAMPLE / "shop_suites" / "protocols" / "stock.py").read_text(encoding="utf-8")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Return the file of a protocol in a folder that has nothing else."""
    path = tmp_path / "team" / "protocols" / "stock.py"
    path.parent.mkdir(parents=True)
    path.write_text(STOCK, encoding="utf-8")
    return path


def test_checked(dualstack: Command, team: Path) -> None:
    """A manifest can name a protocol of a folder, for a listener and for a connector; the folder needs no suites."""
    done = dualstack("check", MANIFEST, "--suites", team.parents[1])
    assert (done.returncode, done.stderr) == (0, "")


def test_unknown(dualstack: Command, team: Path) -> None:
    """Without the folder its name is a fault, at its line and key; a mistyped name is answered with the nearest."""
    done = dualstack("check", MANIFEST)
    *names, last = [repr(name) for name in PROTOCOLS]
    allowed = f"{', '.join(names)} or {last}"
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"dualstack: {MANIFEST}:11: listen[0].protocol: found 'stock'; allowed: {allowed}",
        f"{MANIFEST}:17: connect[0].protocol: found 'stock'; allowed: {allowed}",
    ]
    team.write_text(STOCK.replace('"stock"', '"stocks"'), encoding="utf-8")
    done = dualstack("check", MANIFEST, "--suites", "team")
    assert "'exchange', 'oneway' or 'stocks'; did you mean 'stocks'?\n" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("class Stock(", "class Stock(nowhere"), ":19: cannot be imported: NameError: name 'nowhereApplication' is "),
        (('"stock"', '"echo"'), ": Stock.name: protocol 'echo' exists already, in /"),
    ],
)
@pytest.mark.parametrize("words", [("check", MANIFEST), ("list",), ("run", EXAMPLE / "service.toml"), ("schema",)])
def test_file_that_is_wrong(
    dualstack: Command, team: Path, change: tuple[str, str], message: str, words: tuple[str | Path, ...]
) -> None:
    """A wrong file in a named folder is refused by every command that takes one, also if no manifest needs it."""
    team.write_text(STOCK.replace(*change), encoding="utf-8")
    done = dualstack(*words, "--suites", "team")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"dualstack: {team}{message}")
    assert done.stderr.count("\n") == 1


def test_two_folders(dualstack: Command, team: Path) -> None:
    """A name that two folders define is refused; both files are named."""
    done = dualstack("check", MANIFEST, "--suites", "team", "--suites", EXAMPLE / "shop_suites")
    other = EXAMPLE / "shop_suites" / "protocols" / "stock.py"
    assert done.returncode == 2
    assert done.stderr == (
        f"dualstack: {other}: Stock.name: protocol 'stock' exists already, in {team}: give it another name\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "transports = frozenset({Transport.TCP})",
            "transports = frozenset({Transport.UDP})",
            ':11: listen[0].protocol: protocol = "stock" runs over UDP',
        ),
        (
            "transports = frozenset({Transport.TCP})",
            "transports = frozenset()",
            ':11: listen[0].protocol: protocol = "stock" is for connectors; it has no client',
        ),
        (
            "serves = frozenset({Transport.TCP})",
            "serves = frozenset({Transport.UDP})",
            ':17: connect[0].protocol: protocol = "stock" runs over UDP',
        ),
        (
            "serves = frozenset({Transport.TCP})",
            "serves = frozenset()",
            ':17: connect[0].protocol: protocol = "stock" is for listeners; the lab\'s server speaks connect, echo, ',
        ),
    ],
)
def test_where_it_fits(dualstack: Command, team: Path, old: str, new: str, message: str) -> None:
    """A manifest that uses a protocol over another transport, or an end that it does not have, is refused."""
    text = STOCK.replace(old, new)
    assert text != STOCK
    team.write_text(text, encoding="utf-8")
    done = dualstack("check", MANIFEST, "--suites", "team")
    assert done.returncode == 2
    assert done.stderr.startswith(f"dualstack: {MANIFEST}{message}")


def test_schema(dualstack: Command, team: Path) -> None:
    """The JSON schema allows the names of the protocols in a named folder, beside ours."""
    names = [
        json.loads(dualstack("schema", *words).stdout)["$defs"]["Listen"]["properties"]["protocol"]["enum"]
        for words in ((), ("--suites", team.parents[1]))
    ]
    assert names[1] == [*names[0], "stock"]
    assert names[0] == list(PROTOCOLS)
