"""Names that describe the behaviour of the name server."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.errors import UsageError
from dualstack.prober.behaviour import NOTHING, Action, Behaviour
from dualstack.prober.names import alias_target, behaviours, fresh_nonce, in_zone, query_name


def test_a_name_says_what_was_asked_for() -> None:
    """`behaviours` parses what `query_name` returns."""
    name = query_name(a="delay-300", aaaa="refused", nonce="7f3a")
    assert name == "a-delay-300.aaaa-refused.7f3a.lab.test"
    assert behaviours(name) == {
        "A": Behaviour(milliseconds=300),
        "AAAA": Behaviour(Action.REFUSED),
        "HTTPS": NOTHING,
    }


NUMBERED = {Action.PICK: "-10", Action.REBIND: "-2"}
"""The actions that need a number, and one for each."""


def test_every_action_has_a_name() -> None:
    """Each action can be in a name, for one type at least; no label of it is longer than a DNS label can be."""
    for action in Action:
        accepted = 0
        for record in ("a", "aaaa", "https"):
            with contextlib.suppress(UsageError):
                name = query_name(**{record: action.value + NUMBERED.get(action, "")})
                assert (behaviours(name) or {})[record.upper()].action is action
                accepted += 1
        assert accepted


def test_a_name_is_rebound_after_a_number_of_answers() -> None:
    """The number of ``rebind`` counts answers, that of ``delay`` milliseconds."""
    found = behaviours(query_name(a="rebind-2", aaaa="delay-2"))
    assert found == {"A": Behaviour(Action.REBIND, times=2), "AAAA": Behaviour(milliseconds=2), "HTTPS": NOTHING}
    rebound = [Behaviour(Action.REBIND, times=2).nth(number).action for number in range(4)]
    assert rebound == [Action.FIRST, Action.FIRST, Action.LOOPBACK, Action.LOOPBACK]


def test_only_aaaa_can_be_mapped() -> None:
    """An A record cannot contain an IPv4-mapped address; the digits say which address is mapped."""
    assert (behaviours(query_name(aaaa="mapped")) or {})["AAAA"] == Behaviour(Action.MAPPED)
    assert (behaviours(query_name(aaaa="mapped-1")) or {})["AAAA"] == Behaviour(Action.MAPPED, indexes=(1,))
    with pytest.raises(UsageError, match="only AAAA records hold IPv4-mapped addresses"):
        query_name(a="mapped")


def test_addresses_are_picked_by_their_index() -> None:
    """The digits of ``pick`` keep their order and may repeat; a delay and an error can be combined with them."""
    found = behaviours(query_name(a="delay-300-servfail", aaaa="delay-20-pick-2011")) or {}
    assert found["A"] == Behaviour(Action.SERVFAIL, milliseconds=300)
    assert found["AAAA"] == Behaviour(Action.PICK, indexes=(2, 0, 1, 1), milliseconds=20)


def test_modifiers_may_be_in_any_order() -> None:
    """All modifiers can stand before one action; without an action the addresses are answered."""
    expected = Behaviour(Action.OK, milliseconds=5, ttl=1, aliases=2, truncated=True, edns=False)
    for text in ("delay-5-ttl-1-cname-2-tc-noedns", "tc-noedns-cname-2-ttl-1-delay-5-ok"):
        assert (behaviours(query_name(a=text)) or {})["A"] == expected


def test_successive_questions_have_their_own_answers() -> None:
    """The n-th answer is for the n-th question, the last one for all that follow."""
    found = (behaviours(query_name(a="drop-then-delay-10-servfail-then-ok")) or {})["A"]
    answers = [found.nth(number) for number in range(4)]
    assert [answer.action for answer in answers] == [Action.DROP, Action.SERVFAIL, Action.OK, Action.OK]
    assert [answer.milliseconds for answer in answers] == [0, 10, 0, 0]


def test_https_has_its_own_label() -> None:
    """HTTPS is answered as its label says; it cannot be answered with addresses, nor A with an HTTPS record."""
    assert (behaviours(query_name(a="ok", https="alias")) or {})["HTTPS"] == Behaviour(Action.ALIAS)
    for wrong in ({"https": "pick-0"}, {"https": "loopback"}, {"a": "alias"}, {"aaaa": "hints"}):
        with pytest.raises(UsageError, match="cannot be answered with"):
            query_name(**wrong)


def test_an_alias_leads_to_a_name_with_one_alias_less() -> None:
    """The target has the same behaviours and the same nonce, one CNAME less, and no HTTPS alias."""
    name = query_name(a="cname-2-pick-1", aaaa="cname-1-delay-5", https="alias", nonce="7f3a")
    target = alias_target(name)
    assert target == query_name(a="cname-1-pick-1", aaaa="delay-5", nonce="7f3a")
    assert alias_target(target) == query_name(a="pick-1", aaaa="delay-5", nonce="7f3a")
    with pytest.raises(UsageError, match="has no behaviour"):
        alias_target("www.lab.test")


INDEXES = st.lists(st.integers(0, 9), min_size=1, max_size=6).map(tuple)
NUMBERS = st.integers(0, 99999)


@st.composite
def single_answers(draw: st.DrawFn, *, record: str) -> Behaviour:
    """Return a behaviour that an answer for a record type can have, without later answers."""
    only = {Action.ALIAS, Action.HINTS}
    refused = (
        {Action.FIRST, Action.PICK, Action.LOOPBACK, Action.UNSPECIFIED, Action.MAPPED, Action.REBIND}
        if record == "https"
        else only | ({Action.MAPPED} if record == "a" else set())
    )
    action = draw(st.sampled_from([action for action in Action if action not in refused]))
    indexes = draw(INDEXES) if action is Action.PICK else ()
    if action is Action.MAPPED:
        indexes = draw(st.just(()) | INDEXES)
    return Behaviour(
        action=action,
        indexes=indexes,
        times=draw(NUMBERS) if action is Action.REBIND else 0,
        milliseconds=draw(NUMBERS),
        ttl=draw(NUMBERS),
        aliases=draw(st.integers(0, 9)),
        truncated=draw(st.booleans()),
        edns=draw(st.booleans()),
    )


@st.composite
def labels(draw: st.DrawFn) -> tuple[str, Behaviour]:
    """Return a type and a behaviour for it with up to three answers."""
    record = draw(st.sampled_from(["a", "aaaa", "https"]))
    answers = draw(st.lists(single_answers(record=record), min_size=1, max_size=3))
    whole: Behaviour | None = None
    for answer in reversed(answers):
        whole = replace(answer, then=whole)
    assert whole is not None
    return record, whole


@given(labels())
def test_a_behaviour_is_what_its_text_says(label: tuple[str, Behaviour]) -> None:
    """Every behaviour has a text, and that text is parsed as this behaviour, unless it is too long for a label."""
    record, behaviour = label
    text = str(behaviour)
    if len(f"{record}-{text}") > 63:
        with pytest.raises(UsageError, match="at most 63 bytes"):
            query_name(**{record: text})
        return
    assert (behaviours(query_name(**{record: text})) or {})[record.upper()] == behaviour


WORDS = [
    "a",
    "aaaa",
    "https",
    "ok",
    "pick",
    "201",
    "delay",
    "300",
    "then",
    "tc",
    "cname",
    "mapped",
    "servfail",
    "",
    "x",
]


@given(st.lists(st.sampled_from(WORDS), max_size=8).map("-".join) | st.text(max_size=20))
def test_any_text_is_a_behaviour_or_an_error(text: str) -> None:
    """Whatever a label says, it is parsed or is a UsageError; a name that was made can be parsed."""
    try:
        name = query_name(a=text)
    except UsageError:
        return
    assert behaviours(name) is not None


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
    assert behaviours(name) == {
        "A": Behaviour(Action.SERVFAIL),
        "AAAA": Behaviour(Action.OK),
        "HTTPS": NOTHING,
    }


def test_a_label_left_out_means_none() -> None:
    """A name with one label has no record of the other family."""
    assert behaviours("aaaa-ok.x1.lab.test") == {
        "A": NOTHING,
        "AAAA": Behaviour(Action.OK),
        "HTTPS": NOTHING,
    }


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


@pytest.mark.parametrize(
    "a",
    [
        "okay",
        "",
        "delay",
        "delay-x",
        "ok-3",
        "delay-123456",
        "rebind",
        "loopback-1",
        "pick",
        "pick-x",
        "pick-²",
        "ok-delay-3",
        "tc-tc",
        "then",
        "ok-then",
        "then-ok",
        "ok-then-then-ok",
        "cname-17",
        "ok-" * 30,
    ],
)
def test_a_wrong_behaviour_is_refused(a: str) -> None:
    """A wrong behaviour is an error when the name is made."""
    with pytest.raises(UsageError, match=r"behaviour|a number belongs to"):
        query_name(a=a)


def test_the_error_lists_what_there_is() -> None:
    """Who writes a behaviour that does not exist reads which ones do."""
    with pytest.raises(UsageError) as caught:
        query_name(aaaa="delay-300-servfial")
    for word in ("servfail", "pick-<digits>", "delay-<milliseconds>", "cname-<names>", "then"):
        assert word in str(caught.value)


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
