"""Causes that the other cases of the same connector contradict."""

import pytest

from dualstack.causes.across import settled
from dualstack.chart import Chart, Lane
from dualstack.results import Record
from dualstack.verdict import Verdict

A, AAAA, AAAA2 = "198.51.100.33", "2001:db8:51:1::201", "2001:db8:51:1::203"
STOPPED = f"It tried {AAAA} (refused), and not {A}."


def record(requirement: str, element: str = "client", *tried: str, causes: tuple[str, ...] = ()) -> Record:
    """Return the record of a case whose one run tried these addresses."""
    lanes = tuple(Lane(item, "ipv6" if ":" in item else "ipv4", 0.1, result="no answer") for item in tried)
    return Record(
        requirement=requirement,
        title="",
        level="MUST",
        manifest="service.toml",
        subject="service",
        element=element,
        topology="dual-stack",
        verdict=Verdict.FAIL if causes else Verdict.PASS,
        charts=(Chart("run 1 towards a name", lanes),),
        causes=causes,
        facts=(STOPPED,) if causes else (),
    )


FAILED = record("CONNECT-005", "client", AAAA, causes=("RC-FIRSTADDR", "RC-NOHE"))


def test_who_goes_on_elsewhere_takes_one_failure_for_final() -> None:
    """A connector that tried the other family in one case stops at one kind of failure in another one."""
    other, failed = settled([record("DNS-002", "client", AAAA, A), FAILED])
    assert other.causes == ()
    assert failed.causes == ("RC-ERRORFINAL", "RC-NOHE")
    assert failed.facts == (f"{STOPPED[:-1]}; in DNS-002 it tried {AAAA} (no answer) and {A}.",)


def test_addresses_of_one_family_say_nothing_of_the_other() -> None:
    """A connector that tried several addresses of one family does not try the first one only; no more is known."""
    assert settled([FAILED, record("DNS-009", "client", AAAA, AAAA2)])[0].causes == ("RC-NOHE",)


@pytest.mark.parametrize("other", [record("DNS-002", "client", AAAA, AAAA), record("DNS-002", "another", AAAA, A)])
def test_what_tried_one_address_or_is_another_element_contradicts_nothing(other: Record) -> None:
    """Neither a second attempt at the same address nor the attempts of another connector change a cause."""
    assert settled([other, FAILED])[1] == FAILED
