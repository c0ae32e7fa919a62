"""An advertisement that the kernel does not take leaves a case undecided, and says why."""

from collections.abc import Callable
from typing import cast

import pytest

from dualstack.errors import Inconclusive
from dualstack.prober.messages import AddressRow, Advertise
from dualstack.world import World, advertised

PREFIX = "2001:db8:6104:1::"


class _Host:
    """A host that shows addresses and remembers what it was to advertise."""

    interface = "eth0"

    def __init__(self, *rows: AddressRow) -> None:
        self.prober = self
        self.sent: list[Advertise] = []
        self.addresses = lambda: rows

    def advertise(self, advertise: Advertise) -> None:
        """Remember it."""
        self.sent.append(advertise)


class _World:
    """A world of two hosts."""

    def __init__(self, *rows: AddressRow) -> None:
        self.host, self.peer, self.steps = _Host(*rows), _Host(), list[str]()

    def note(self, what: str) -> None:
        """Add a step."""
        self.steps.append(what)


def row(address: str, *, tentative: bool = False, temporary: bool = False, deprecated: bool = False) -> AddressRow:
    """Return an address of a host."""
    family = "ipv6" if ":" in address else "ipv4"
    return AddressRow(family, address, 64, "eth0", tentative, False, temporary, deprecated)


OTHERS = (row("198.51.100.1"), row("2001:db8:51:1::101"), row("2001:db8:6104:2::1"), row("fe80::1"))
PUBLIC, TEMPORARY = row(f"{PREFIX}1"), row(f"{PREFIX}2", temporary=True)
Act = Callable[[World, str], None]


def attempt(act: Act, *rows: AddressRow) -> _World:
    """Have something advertised in a world whose host shows these addresses and others."""
    world = _World(*OTHERS, *rows)
    act(cast("World", world), PREFIX)
    return world


def test_what_is_sent() -> None:
    """It is announced with lifetimes under two hours, so that it can be withdrawn with none (RFC 4862 §5.5.3)."""
    (announced,) = attempt(advertised.announce, PUBLIC, TEMPORARY).peer.sent
    assert (announced.prefix, announced.interface) == (PREFIX, "eth0")
    assert 60 < announced.preferred < announced.lifetime < 7200
    old = [row(f"{PREFIX}1", deprecated=True), row(f"{PREFIX}2", temporary=True, deprecated=True)]
    world = attempt(advertised.withdraw, *old)
    assert world.peer.sent == [Advertise(PREFIX, "eth0", 0, 0)]
    assert world.steps[-1] == (
        f"its host has of that prefix: {PREFIX}1 (deprecated) and {PREFIX}2 (temporary, deprecated)"
    )
    assert attempt(advertised.withdraw).steps[-1] == "its host has of that prefix: none"


@pytest.mark.parametrize(
    ("act", "rows", "said"),
    [
        (advertised.announce, (), "it has none$"),
        (advertised.announce, (PUBLIC,), f"it has {PREFIX}1$"),
        (advertised.announce, (TEMPORARY,), rf"it has {PREFIX}2 \(temporary\)$"),
        (advertised.announce, (PUBLIC, row(f"{PREFIX}2", temporary=True, tentative=True)), "temporary, tentative"),
        (advertised.announce, (TEMPORARY, row(f"{PREFIX}1", deprecated=True)), "deprecated"),
        (advertised.withdraw, (PUBLIC, TEMPORARY), "no address but deprecated ones; .* it has 2001"),
        (advertised.withdraw, (row(f"{PREFIX}1", deprecated=True), TEMPORARY), "temporary"),
    ],
)
def test_what_the_kernel_did_not_take(
    monkeypatch: pytest.MonkeyPatch, act: Act, rows: tuple[AddressRow, ...], said: str
) -> None:
    """Without the addresses, or with addresses that are not deprecated, nothing may be said of the service."""
    monkeypatch.setattr(advertised, "_TAKEN", 0.0)
    with pytest.raises(Inconclusive, match=said):
        attempt(act, *rows)
