"""Names that describe the behaviour of the name server."""

import pytest

from dualstack.errors import UsageError
from dualstack.families import Family
from dualstack.prober.names import NOTHING, Action, Behaviour, behaviours, fresh_nonce, in_zone, query_name


def test_a_name_says_what_was_asked_for() -> None:
    """`behaviours` parses what `query_name` returns."""
    name = query_name(a="delay-300", aaaa="refused", nonce="7f3a")
    assert name == "a-delay-300.aaaa-refused.7f3a.lab.test"
    assert behaviours(name) == {
        Family.IPV4: Behaviour(Action.DELAY, 300),
        Family.IPV6: Behaviour(Action.REFUSED),
    }


SPECIAL = (Action.DELAY, Action.REBIND, Action.MAPPED)


@pytest.mark.parametrize("action", [action for action in Action if action not in SPECIAL])
def test_every_action_has_a_name(action: Action) -> None:
    """Each action can be in a name, for either family."""
    for name in (query_name(a=action.value), query_name(aaaa=action.value)):
        assert Behaviour(action) in (behaviours(name) or {}).values()


def test_a_name_is_rebound_after_a_number_of_answers() -> None:
    """The number of ``rebind`` counts answers, that of ``delay`` milliseconds."""
    found = behaviours(query_name(a="rebind-2", aaaa="delay-2"))
    assert found == {Family.IPV4: Behaviour(Action.REBIND, times=2), Family.IPV6: Behaviour(Action.DELAY, 2)}


def test_only_aaaa_can_be_mapped() -> None:
    """An A record cannot contain an IPv4-mapped address."""
    assert (behaviours(query_name(aaaa="mapped")) or {})[Family.IPV6] == Behaviour(Action.MAPPED)
    with pytest.raises(UsageError, match="only AAAA records hold IPv4-mapped addresses"):
        query_name(a="mapped")


def test_names_are_fresh() -> None:
    """Without a nonce every name is a new one."""
    assert query_name(a="ok") != query_name(a="ok")
    assert fresh_nonce() != fresh_nonce()


@pytest.mark.parametrize(
    "name",
    [
        "aaaa-ok.a-servfail.x1.lab.test",
        "a-servfail.aaaa-ok.x1.lab.test.",
        "x1.aaaa-ok.a-servfail.LAB.test",
        "A-ServFail.AAAA-ok.lab.test",
    ],
)
def test_order_and_case_do_not_matter(name: str) -> None:
    """Labels may be in any order and case (RFC 4343), with or without a nonce and a final dot."""
    assert behaviours(name) == {Family.IPV4: Behaviour(Action.SERVFAIL), Family.IPV6: Behaviour(Action.OK)}


def test_a_label_left_out_means_none() -> None:
    """A name with one label has no record of the other family."""
    assert behaviours("aaaa-ok.x1.lab.test") == {Family.IPV4: NOTHING, Family.IPV6: Behaviour(Action.OK)}


@pytest.mark.parametrize(
    "name",
    [
        "lab.test",
        "x1.lab.test",
        "www.a-ok.x1.lab.test",
        "a-ok.a-none.x1.lab.test",
        "a-okay.x1.lab.test",
        "a-delay.x1.lab.test",
        "a-ok-5.x1.lab.test",
        "_25._tcp.a-ok.lab.test",
    ],
)
def test_other_names_do_not_exist(name: str) -> None:
    """A name without a behaviour, or with a wrong one, is not in the zone."""
    assert behaviours(name) is None


@pytest.mark.parametrize("a", ["okay", "", "delay", "delay-x", "ok-3", "delay-123456", "rebind", "loopback-1"])
def test_a_wrong_behaviour_is_refused(a: str) -> None:
    """A wrong behaviour is an error when the name is made."""
    with pytest.raises(UsageError, match=r"behaviour|a number belongs to"):
        query_name(a=a)


def test_a_wrong_nonce_is_refused() -> None:
    """A nonce is one label."""
    with pytest.raises(UsageError, match="nonce"):
        query_name(a="ok", nonce="two.labels")


@pytest.mark.parametrize(
    ("name", "inside"),
    [("lab.test.", True), ("x.LAB.test", True), ("xlab.test", False), ("test", False), (".", False)],
)
def test_the_zone_ends_where_it_ends(name: str, inside: bool) -> None:  # noqa: FBT001 - a parameter
    """Only the apex and names below it, label by label, are in the zone."""
    assert in_zone(name) is inside
