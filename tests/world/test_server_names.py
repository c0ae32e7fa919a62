"""Which server names of TLS are address literals."""

import importlib

import pytest

from dualstack.prober.messages import Exit
from dualstack.world.runs import Run

suite = importlib.import_module("dualstack.content.suites.connect.test_tls_literals")


@pytest.mark.parametrize(
    "name", ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "::1.", "fe80::1%eth0", "192.0.2.1", "192.0.2.1:443"]
)
def test_literals(name: str) -> None:
    """An address is a literal in every form in which a program may send it."""
    assert suite.is_literal(name)


@pytest.mark.parametrize("name", ["a.example", "a.example:443", "192.0.2.1.example", "[a]", "2001", "192.0.2"])
def test_names(name: str) -> None:
    """Every other text is a name."""
    assert not suite.is_literal(name)


@pytest.mark.parametrize(
    ("names", "ok", "happened"),
    [
        ((), True, "it sent no server name"),
        (("a.example",), True, "it sent the server name 'a.example'"),
        (("a.example", "::1"), False, "it sent the server name '::1'"),
    ],
)
def test_what_a_run_sent(names: tuple[str, ...], ok: bool, happened: str) -> None:  # noqa: FBT001 - a row of the table
    """One literal among the names that a run sent is wrong."""
    finding = suite.sends_no_literal(Run("", Exit(0), 0.1, said=True, server_names=names), "::1")
    assert (finding.ok, finding.happened) == (ok, happened)
