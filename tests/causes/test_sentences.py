"""Sentences about sockets and clients say only what was seen."""

from dataclasses import replace

from dualstack.facts import Facts, How, sentences
from dualstack.families import Family
from tests.causes.made import ONLY, STARTED, UDP, ZERO, facts, saw

GONE = "Its socket on [::] was there at first, and is gone."


def with_sockets(*left: object) -> Facts:
    """Return the facts of a service that had a socket for each family, and has these at the end."""
    return replace(facts(), sockets=(ZERO, ONLY), starts=(replace(STARTED, sockets=(ZERO, ONLY)),), table=left)  # type: ignore[arg-type]  # rows of the table


def test_a_socket_that_is_gone_is_named() -> None:
    """A socket of the last start that the last table lacks is gone; without a table nothing is known."""
    assert GONE in sentences(with_sockets(ZERO))
    assert GONE not in sentences(with_sockets(ZERO, ONLY))
    assert GONE not in sentences(with_sockets())


def test_sockets_of_earlier_starts_are_not_gone() -> None:
    """Another start may listen on other addresses."""
    found = with_sockets(ZERO)
    starts = (*found.starts, replace(STARTED, sockets=(ZERO,)))
    assert GONE not in sentences(replace(found, starts=starts))


def test_datagrams_are_not_accepted() -> None:
    """Clients of UDP without an answer are ignored; a connection is accepted."""
    waiting = saw(Family.IPV4, How.KEPT_WAITING)
    assert "IPv4 clients are accepted and get no answer." in sentences(facts(waiting))
    assert "IPv4 clients are ignored: no answer arrives." in sentences(facts(waiting, How.ANSWERED, **UDP))
