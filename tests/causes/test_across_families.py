"""One cause for a connector that never tries addresses of one family, in whatever cases that shows."""

from dataclasses import replace

import pytest

from dualstack.causes.across import settled
from dualstack.chart import Chart, Lane
from dualstack.results import Record
from dualstack.verdict import Verdict

A, A2, AAAA = "198.51.100.33", "198.51.100.34", "2001:db8:51:1::201"
NAME = "a-none.aaaa-ok.0123abcd.lab.test"
UNTRIED = (f"For {NAME} it made no connection attempt.", f"It did not try {AAAA}.")
EINVAL = 'Its output says "connect: Invalid argument".'


def record(requirement: str, *lanes: str, causes: tuple[str, ...] = (), facts: tuple[str, ...] = ()) -> Record:
    """Return the record of a failed case whose one run queried these types and tried these addresses."""
    drawn = tuple(
        Lane(item, "" if item in {"A", "AAAA"} else ("ipv6" if ":" in item else "ipv4"), 0.1, result="refused")
        for item in lanes
    )
    return Record(
        requirement=requirement,
        title="",
        level="MUST",
        manifest="service.toml",
        subject="service",
        element="client",
        topology="dual-stack",
        verdict=Verdict.FAIL,
        charts=(Chart(f"run 1 towards {NAME}", drawn),),
        causes=causes,
        facts=facts,
    )


STOPPED = record(
    "CONNECT-005", "A", "AAAA", A, causes=("RC-FIRSTADDR",), facts=(f"It tried {A} (refused), and not {AAAA}.",)
)
BY_NAME = record("CONNECT-003", "A", "AAAA", facts=UNTRIED)
LITERAL = record("CONNECT-001", facts=(f"For {AAAA} it made no connection attempt.",))


def first_causes(*records: Record) -> list[str]:
    """Return the first cause of each record, once all are settled."""
    return [next(iter(item.causes), "") for item in settled(records)]


@pytest.mark.parametrize("code", ["RC-WRONGFAMILYSOURCE", "RC-SOCKADDR"])
@pytest.mark.parametrize("shown", [BY_NAME, LITERAL])
def test_a_socket_that_does_not_fit_explains_every_case(code: str, shown: Record) -> None:
    """What one case shows of the socket is the cause of all in which the family is not tried, with its evidence."""
    shown = replace(shown, causes=(code,), facts=(EINVAL, *shown.facts))
    final = replace(STOPPED, requirement="CONNECT-006", causes=("RC-ERRORFINAL", "RC-NOHE"))
    others = [item for item in (BY_NAME, LITERAL) if item.requirement != shown.requirement]
    found = settled([shown, STOPPED, final, *others])
    assert [item.causes for item in found] == [(code,)] * 4
    assert found[1].facts[0] == f"In {shown.requirement} on dual-stack: {EINVAL}"
    assert found[1].facts[1:] == STOPPED.facts


def test_a_literal_is_not_looked_up_by_who_queries_both_types() -> None:
    """EAI_ADDRFAMILY is of the local address, if the name was looked up and the address of the family is not tried."""
    source = replace(BY_NAME, causes=("RC-WRONGFAMILYSOURCE",), facts=(EINVAL, *UNTRIED))
    literal = replace(LITERAL, causes=("RC-RESOLVER",))
    assert first_causes(source, literal) == ["RC-WRONGFAMILYSOURCE"] * 2


def test_without_a_known_reason_one_family_is_used() -> None:
    """A name with an address of the other family alone leads to no attempt: the first address is not the matter."""
    assert first_causes(BY_NAME, STOPPED, LITERAL) == ["RC-ONEFAMILY"] * 3


def test_one_case_that_shows_it_is_enough() -> None:
    """CONNECT-006 shows it alone, as it has several addresses of the family that is used."""
    shown = record("CONNECT-006", "A", "AAAA", A, A2, causes=("RC-ONEFAMILY",), facts=(f"It tried {A} and {A2}.",))
    assert first_causes(shown, STOPPED) == ["RC-ONEFAMILY"] * 2


def test_other_causes_of_an_untried_family_are_kept() -> None:
    """Where another bug explains that the family is not tried, that is the cause."""
    joined = replace(BY_NAME, causes=("RC-BRACKET",), facts=(EINVAL, *UNTRIED))
    assert first_causes(joined, STOPPED) == ["RC-BRACKET"] * 2


@pytest.mark.parametrize(
    "other",
    [
        replace(LITERAL, causes=("RC-BRACKET",)),
        LITERAL,
        replace(BY_NAME, element="another"),
        replace(BY_NAME, requirement="DNS-008", causes=("RC-RESOLVER",)),
        replace(BY_NAME, verdict=Verdict.INCONCLUSIVE),
        replace(BY_NAME, facts=(*UNTRIED, "This host has no IPv6 address on its link.")),
        replace(BY_NAME, facts=(UNTRIED[0], f"It did not try {A}, {AAAA}.")),
        record("DNS-009", "A", "AAAA", A, A2),
    ],
)
def test_what_shows_no_habit_changes_nothing(other: Record) -> None:
    """A literal that is refused as a text, another element or a host without the family show no habit."""
    assert settled([other, STOPPED]) == (other, STOPPED)


def test_who_uses_both_families_elsewhere_has_no_such_habit() -> None:
    """If the other family was tried in another case, its addresses are left out of some lists only."""
    shown = record("CONNECT-006", "A", "AAAA", A, causes=("RC-ONEFAMILY",), facts=("It tried one.", "It knew two."))
    used = record("CONNECT-003", "A", "AAAA", AAAA, causes=())
    (found, _) = settled([shown, used])
    assert found.causes == ("RC-RESOLVERORDER",)
    assert found.facts == ("It tried one.", "In CONNECT-003 on dual-stack it used the other family.", "It knew two.")
    assert first_causes(used, BY_NAME, STOPPED)[1:] == ["", "RC-FIRSTADDR"]


def test_who_tries_its_only_family_in_time_is_not_late() -> None:
    """A client that has no next address, as it does not use those of the other family, does not begin it too late."""
    waiting = replace(STOPPED, requirement="CONNECT-012", causes=("RC-NOTIMEOUT", "RC-NOHE"))
    assert settled([BY_NAME, waiting])[1].causes == ("RC-NOTIMEOUT",)
    second = record("CONNECT-012", "A", "AAAA", A, A2, causes=("RC-NOTIMEOUT", "RC-NOHE"))
    assert settled([BY_NAME, second])[1].causes == ("RC-NOTIMEOUT", "RC-NOHE")


@pytest.mark.parametrize(("missed", "expected"), [("::1", "RC-ONEFAMILY"), ("127.0.0.1", "RC-FIRSTADDR")])
def test_localhost_is_explained_if_that_family_is_missed(missed: str, expected: str) -> None:
    """A client that uses IPv4 alone may miss ::1, and misses 127.0.0.1 for another reason."""
    reached = {"::1": "127.0.0.1", "127.0.0.1": "::1"}[missed]
    local = record(
        "DNS-011", causes=("RC-FIRSTADDR",), facts=(f"Given localhost it reaches {reached}, and not {missed}.",)
    )
    assert first_causes(BY_NAME, STOPPED, local)[2] == expected


def test_packets_that_a_clat_translates_are_not_of_the_other_family() -> None:
    """On nat64-clat an attempt to an IPv4 address leaves the host as an IPv6 packet: it shows no use of IPv6."""
    translated = replace(record("TRANS-004", "A", "AAAA", AAAA), topology="nat64-clat", verdict=Verdict.PASS)
    assert first_causes(translated, BY_NAME, STOPPED) == ["", "RC-ONEFAMILY", "RC-ONEFAMILY"]


@pytest.mark.parametrize(
    ("requirement", "code", "fact"),
    [
        ("CONNECT-009", "RC-RESOLVERORDER", f"It knew {A} and {AAAA}, and tried {A} first."),
        ("DNS-008", "RC-RESOLVER", f"Of its two queries one was answered with {AAAA}, and it made no attempt."),
        ("TRANS-001", "RC-PREF64", f"For {NAME} it got {AAAA} from DNS, which NAT64 translates, and did not try it."),
    ],
)
def test_what_other_bugs_look_like_is_the_same_habit(requirement: str, code: str, fact: str) -> None:
    """An order, a resolver and a prefix are no cause if no address of the family is ever tried."""
    seen = record(requirement, "A", "AAAA", A, causes=(code,), facts=(fact,))
    assert first_causes(BY_NAME, STOPPED, seen)[2] == "RC-ONEFAMILY"
    assert first_causes(STOPPED, seen)[1] == code
    left = replace(seen, requirement="CONNECT-006", facts=(f"It tried 2 addresses, and not {A2}.",))
    assert first_causes(BY_NAME, STOPPED, left)[2] == code
