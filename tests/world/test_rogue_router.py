"""A case is inconclusive if the kernel does not apply an advertisement, and says why."""

from collections.abc import Callable
from typing import cast

import pytest

from dualstack.errors import Inconclusive
from dualstack.prober.messages import AddressRow, Advertise
from dualstack.world import World, rogue_router

PREFIX = "2001:db8:6104:1::"


class _Host:
    """A host that shows addresses and keeps what it should advertise."""

    interface = "eth0"

    def __init__(self, *rows: AddressRow) -> None:
        self.prober = self
        self.sent: list[Advertise] = []
        self.addresses = lambda: rows

    def call(self, advertise: Advertise) -> None:
        """Keep it."""
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
    """Call one of the functions in a world whose host shows these addresses and others."""
    world = _World(*OTHERS, *rows)
    act(cast("World", world), PREFIX)
    return world


def test_what_is_sent() -> None:
    """The lifetimes are under two hours, so that they can be withdrawn (RFC 4862 §5.5.3)."""
    (announced,) = attempt(rogue_router.advertise_prefix, PUBLIC, TEMPORARY).peer.sent
    assert (announced.prefix, announced.interface) == (PREFIX, "eth0")
    assert 60 < announced.preferred < announced.lifetime < 7200
    old = [row(f"{PREFIX}1", deprecated=True), row(f"{PREFIX}2", temporary=True, deprecated=True)]
    world = attempt(rogue_router.withdraw_prefix, *old)
    assert world.peer.sent == [Advertise(PREFIX, "eth0", 0, 0)]
    assert world.steps[-1] == (
        f"addresses of that prefix on the service's host: {PREFIX}1 (deprecated) and {PREFIX}2 (temporary, deprecated)"
    )
    assert attempt(rogue_router.withdraw_prefix).steps[-1] == "addresses of that prefix on the service's host: none"


@pytest.mark.parametrize(
    ("act", "rows", "said"),
    [
        (rogue_router.advertise_prefix, (), "it has none$"),
        (rogue_router.advertise_prefix, (PUBLIC,), f"it has {PREFIX}1$"),
        (rogue_router.advertise_prefix, (TEMPORARY,), rf"it has {PREFIX}2 \(temporary\)$"),
        (
            rogue_router.advertise_prefix,
            (PUBLIC, row(f"{PREFIX}2", temporary=True, tentative=True)),
            "temporary, tentative",
        ),
        (rogue_router.advertise_prefix, (TEMPORARY, row(f"{PREFIX}1", deprecated=True)), "deprecated"),
        (rogue_router.withdraw_prefix, (PUBLIC, TEMPORARY), "only deprecated addresses; it has 2001"),
        (rogue_router.withdraw_prefix, (row(f"{PREFIX}1", deprecated=True), TEMPORARY), "temporary"),
    ],
)
def test_what_the_kernel_did_not_apply(
    monkeypatch: pytest.MonkeyPatch, act: Act, rows: tuple[AddressRow, ...], said: str
) -> None:
    """Without the addresses, or with addresses that are not deprecated, the case is inconclusive."""
    monkeypatch.setattr(rogue_router, "_RA_TIMEOUT", 0.0)
    with pytest.raises(Inconclusive, match=said):
        attempt(act, *rows)
