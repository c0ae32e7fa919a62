"""Sentences about sockets and clients say only what was seen."""

from dataclasses import replace

from dualstack.causes.datagrams import wrong_port
from dualstack.causes.waiting import never_accepted
from dualstack.facts import ALIKE, Facts, Host, How, sentences
from dualstack.families import Family
from dualstack.topology import load_topology
from dualstack.world.facts import host_of
from tests.causes.made import IPV4, IPV6, ONLY, STARTED, U4, U6, UDP, ZERO, facts, held, saw

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


def test_many_ports_are_cut_short() -> None:
    """Of the ports that answers come from, the first three are listed, in the fact and in the evidence of the cause."""
    many = facts(How.ANSWERED, saw(Family.IPV6, How.ANSWERED, wrong_port=tuple(range(40000, 40052))), U4, U6, **UDP)
    said = "from ports 40000, 40001, 40002 and 49 more"
    assert f"IPv6 clients got answers {said}, which they did not ask." in sentences(many)
    assert wrong_port(many) == f"answers over IPv6 came {said}"


def test_link_local_addresses_are_addresses() -> None:
    """A host that has only link-local addresses of IPv6 is not said to have none."""
    found = sentences(replace(facts(), host=Host(families=frozenset(), link_local=True)))
    assert "This host has no IPv4 address on its link." in found
    assert "Its only IPv6 addresses on its link are link-local (fe80::/10)." in found
    assert host_of(load_topology("link-local")).link_local
    assert not any(host_of(load_topology(name)).link_local for name in ("dual-stack", "ipv4-only", "ipv6-only"))


def test_one_connection_waits() -> None:
    """One connection that waits on a socket is in the singular."""
    one = facts(How.KEPT_WAITING, How.ANSWERED, replace(ZERO, waiting=1))
    assert never_accepted(replace(one, table=(replace(ZERO, waiting=1),))) == (
        "1 connection waits on its socket on 0.0.0.0, and it does not accept it"
    )
    assert never_accepted(replace(one, table=(replace(ZERO, waiting=2),))) == (
        "2 connections wait on its socket on 0.0.0.0, and it does not accept them"
    )


def test_datagrams_are_not_accepted() -> None:
    """Clients of UDP without an answer are ignored; a connection is accepted."""
    waiting = saw(Family.IPV4, How.KEPT_WAITING)
    assert "IPv4 clients are accepted and get no answer." in sentences(facts(waiting))
    assert "IPv4 clients are ignored: no answer arrives." in sentences(facts(waiting, How.ANSWERED, **UDP))


def results(found: Facts) -> list[str]:
    """Return the sentences about the results of clients."""
    return [text for text in sentences(found) if " clients are " in text]


def test_answers_that_are_wrong_do_not_read_as_right_ones() -> None:
    """A family that gets answers and is not served as required, as with a denial, is not simply answered."""
    denied = facts(
        replace(saw(Family.IPV4, How.ANSWERED), works=False), How.ANSWERED, ZERO, ONLY, requirement="SEC-001"
    )
    assert results(denied) == [
        "IPv4 clients are answered, but not as they should be.",
        "IPv6 clients are answered.",
    ]


def test_numbers_of_the_labs_own_requests_are_left_out() -> None:
    """How often the lab asks until a service is back says nothing of the service; other numbers do."""
    asked = replace(saw(Family.IPV4, How.REFUSED, 672), hows=((How.REFUSED, 672), (How.ANSWERED, 1)))
    found = facts(asked, How.ANSWERED, ZERO, ONLY, requirement="LIFE-008")
    assert results(found)[0] == "IPv4 clients are refused, or answered, at different times."
    ended = replace(found, requirement="ROBUST-003", starts=(replace(STARTED, ended="exited with code 1", code=1),))
    assert results(ended) == results(found)
    assert "refused (672)" in results(replace(found, requirement="ROBUST-005"))[0]


def test_datagrams_that_are_no_clients_are_not_counted_as_theirs() -> None:
    """With forged sources, or a foreign socket on the port, no result of a client is told."""
    for name in ("SEC-003", "SEC-007"):
        assert not results(facts(How.IGNORED, How.IGNORED, U4, U6, requirement=name, **UDP))


def test_an_output_that_is_missing_is_told_where_no_cause_is_known() -> None:
    """It is no evidence for a cause."""
    assert "It wrote nothing." in sentences(facts())
    assert "It wrote nothing." not in sentences(facts(), explained=True)
    assert "It wrote nothing." not in sentences(facts(output="error"))


def test_a_service_that_treats_both_families_alike_points_to_the_manifest() -> None:
    """If no client is answered as it should be, and both families fare the same, the keys to check are named."""
    own = (held(IPV4, How.WRONG), held(IPV6, How.WRONG))
    found = facts(How.WRONG, How.WRONG, exchanges=own, protocol="exchange")
    text = f"{ALIKE}: check protocol, send and expect of this listener in the manifest."
    assert text in sentences(found)
    assert not any(line.startswith(ALIKE) for line in sentences(found, explained=True))
    assert text not in sentences(replace(found, exchanges=(own[0], held(IPV6, How.HUNG_UP))))
