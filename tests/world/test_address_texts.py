"""Texts of one address: other forms, malformed ones and ambiguous ones, checked with the C library and with Python."""

import importlib
import ipaddress
import socket

import pytest

from dualstack.manifest import Connect
from dualstack.prober.messages import Exit
from dualstack.world.address_texts import ambiguous, forms, malformed
from dualstack.world.runs import Run

suite = importlib.import_module("dualstack.content.suites.connect.test_address_texts")

ADDRESSES = ["2001:db8:51:1::201", "2001:db8:51:1:aaaa:bbbb:cccc:202", "2001:db8::", "198.51.100.33", "192.0.2.255"]


@pytest.mark.parametrize("address", ["2001:db8:51:1::201", "2001:db8::", "::1"])
def test_forms_are_of_the_same_address(address: str) -> None:
    """Every form is another text of the same address."""
    found = forms(address)
    assert {"without ::", "with a dotted quad"} <= set(found)
    assert len({address, *found.values()}) == len(found) + 1
    assert {ipaddress.ip_address(text) for text in found.values()} == {ipaddress.ip_address(address)}


def test_an_address_without_zeros_has_fewer_forms() -> None:
    """Where no group is zero there is no :: to write."""
    assert set(forms("2001:db8:51:1:aaaa:bbbb:cccc:202")) == {"in upper case", "with leading zeros"}


@pytest.mark.parametrize("address", ADDRESSES[:2] + ADDRESSES[3:])
def test_malformed_texts_are_no_addresses(address: str) -> None:
    """Neither Python nor inet_pton(3) takes one of them for an address; each has the address in it, or wraps to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = malformed(address)
    assert len(found) == (4 if ":" in address else 2)
    for text in found.values():
        with pytest.raises(ValueError, match=r".+"):
            ipaddress.ip_address(text)
        with pytest.raises(OSError, match=r".+"):
            socket.inet_pton(family, text)


@pytest.mark.parametrize("address", ["198.51.100.33", "198.51.100.8", "10.0.0.1"])
def test_ambiguous_texts_are_the_address_for_the_c_library(address: str) -> None:
    """inet_aton(3) reads each of them as the address, and Python's strict parser as none."""
    found = ambiguous(address)
    assert len(found) == 4
    for text in found.values():
        assert socket.inet_aton(text) == socket.inet_aton(address)
        with pytest.raises(ValueError, match=r".+"):
            ipaddress.ip_address(text)


CONNECTOR = Connect.model_validate({"name": "client", "command": ["./client", "{host}"]})
ANY = Connect.model_validate({"name": "client", "command": ["./client", "{host}"], "exit_code": "any"})


@pytest.mark.parametrize(
    ("run", "connector", "ok"),
    [
        pytest.param(Run("it exited with code 1", Exit(1), 0.1, said=False), CONNECTOR, True, id="exit code"),
        pytest.param(Run("no match", Exit(0), 0.1, said=True), CONNECTOR, True, id="message"),
        pytest.param(Run("", Exit(1), 0.1, said=True), ANY, True, id="exit code, any is a success"),
        pytest.param(Run("no match", Exit(0), 0.1, said=False), CONNECTOR, False, id="neither"),
        pytest.param(Run("", Exit(0), 0.1, said=True), CONNECTOR, False, id="false success"),
        pytest.param(Run("it had not ended", None, 10.0, said=True), CONNECTOR, False, id="hangs"),
        pytest.param(Run("it crashed", Exit(None, "SIGSEGV"), 0.1, said=True), CONNECTOR, False, id="crash"),
        pytest.param(Run("no", Exit(1), 0.1, said=True, reached="a → b"), CONNECTOR, False, id="connected"),
    ],
)
def test_refusals(run: Run, connector: Connect, ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """A refusal is an error that the program reports itself, without a connection."""
    assert suite.refuses(run, connector, "::1::").ok is ok


@pytest.mark.parametrize(
    ("dialled", "ok"), [((), True), (("198.51.100.33",), True), (("198.51.100.33", "198.51.100.41"), False)]
)
def test_ambiguous_readings(dialled: tuple[str, ...], ok: bool) -> None:  # noqa: FBT001 - a row of the table
    """Only a connection to another address is another reading."""
    run = Run("it exited with code 1", Exit(1), 0.1, said=True, dialled=dialled)
    assert suite.reads(run, "198.51.100.33", "198.51.100.041").ok is ok
