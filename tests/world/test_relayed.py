"""What is concluded from the server's account of a relayed exchange."""

from dataclasses import replace

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Accepted, Dialled, Outcome
from dualstack.world.relayed import arrivals, back_leg, heads_in, same_bytes, seen

RELAY = ("192.0.2.1", "2001:db8::1")
IPV4_SERVER, IPV6_SERVER = "192.0.2.9", "2001:db8::9"


def client(address: str, peer: str, received: int = 250) -> Accepted:
    """Return a client that dialled an address of the server."""
    return Accepted(address, peer, 40000, received, received, 0.0)


@pytest.mark.parametrize(
    ("back", "arrived", "ok"),
    [
        (Family.IPV6, [client(IPV6_SERVER, RELAY[1])], True),
        (Family.IPV4, [client(IPV4_SERVER, RELAY[0])], True),
        (Family.IPV6, [client(IPV4_SERVER, RELAY[0])], False),
        (Family.IPV4, [client(IPV4_SERVER, "192.0.2.5")], False),
        (Family.IPV6, [client(IPV6_SERVER, RELAY[1]), client(IPV4_SERVER, RELAY[0])], False),
        (Family.IPV6, [], False),
    ],
)
def test_the_back_leg(back: Family, arrived: list[Accepted], ok: object) -> None:
    """The server must be reached over the family in question alone, and from the relay alone."""
    assert back_leg(back, arrived, RELAY).ok is ok


def test_the_bytes_are_counted() -> None:
    """One connection must have carried as many bytes as the client sent; others may be health checks."""
    dialled = Dialled(Outcome.ANSWERED, "", True, "192.0.2.7", 40000, "a" * 250, "a" * 250, 0.1, "")
    assert same_bytes(dialled, [client(IPV4_SERVER, RELAY[0])]).ok
    assert same_bytes(dialled, [client(IPV4_SERVER, RELAY[0]), client(IPV4_SERVER, RELAY[0], 7)]).ok
    assert not same_bytes(dialled, [client(IPV4_SERVER, RELAY[0], 249)]).ok
    split = same_bytes(dialled, [client(IPV4_SERVER, RELAY[0], 100), client(IPV4_SERVER, RELAY[0], 150)])
    assert not split.ok
    assert split.happened == "it got 100 and 150 on different connections"


def test_connections_that_a_relay_keeps() -> None:
    """A connection has been used if it is new or something came on it; only what came since counts."""
    idle, pooled, fresh = (client(IPV6_SERVER, RELAY[1], count) for count in (7, 100, 250))
    assert arrivals([], [fresh]) == (fresh,)
    first, both = (replace(pooled, head=head, received=size) for head, size in (("a: 1", 60), ("a: 1\r\n\r\nb: 2", 90)))
    assert arrivals([first], [both]) == (replace(pooled, head="b: 2", received=30),)
    assert heads_in([both, replace(fresh, head=""), first]) == ["a: 1", "b: 2", "a: 1"]
    assert arrivals([idle], [idle]) == ()
    assert arrivals([idle, pooled], [idle, replace(pooled, received=350)]) == (replace(pooled, received=250),)
    assert arrivals([idle], [replace(idle, received=14), fresh]) == (idle, fresh)
    assert arrivals([idle], [idle, client(IPV6_SERVER, RELAY[1], 0)]) == (client(IPV6_SERVER, RELAY[1], 0),)


def test_what_was_seen_is_in_words() -> None:
    """The families and addresses are named, each once."""
    assert seen([]) == "nothing reached the server"
    twice = [client(IPV6_SERVER, RELAY[1])] * 2
    assert seen(twice) == "the server was reached over IPv6 from 2001:db8::1"
