"""Clients of both families get the same answers, or the case names the family that does not."""

from dataclasses import replace

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world import likeness as module
from dualstack.world.likeness import Likeness

S4, S6, LOOP4, LL6 = "192.0.2.1", "2001:db8::1", "127.0.0.1", "fe80::1%eth0"


def dialled(status: int, outcome: Outcome = Outcome.ANSWERED) -> Dialled:
    """Return an exchange with a status."""
    return Dialled(outcome, "", True, "", 0, "", "", 0.0, f"the status is {status}", status)


@pytest.mark.parametrize(("ipv4", "ipv6", "worse"), [(200, 400, Family.IPV6), (301, 204, Family.IPV4)])
def test_the_worse_class_is_named(ipv4: int, ipv6: int, worse: Family) -> None:
    """In any order, the family with the higher class of status is the worse one."""
    for order in ((Family.IPV4, Family.IPV6), (Family.IPV6, Family.IPV4)):
        likeness = Likeness()
        for family in order:
            assert likeness.worse(S4) is None
            likeness.take(family, S4 if family is Family.IPV4 else S6, dialled(ipv4 if family is Family.IPV4 else ipv6))
        assert likeness.worse(S4) is likeness.worse(S6) is worse
        finding = likeness.difference(S6)
        assert not finding.ok
        assert f"over IPv4 the status is {ipv4}" in finding.happened
        assert f"over IPv6 the status is {ipv6}" in finding.happened


@pytest.mark.parametrize(("ipv4", "ipv6"), [(200, 204), (301, 302), (0, 400), (0, 0)])
def test_the_same_class_is_alike(ipv4: int, ipv6: int) -> None:
    """Different statuses of one class, and answers without a status, are not compared."""
    likeness = Likeness()
    likeness.take(Family.IPV4, S4, dialled(ipv4))
    likeness.take(Family.IPV6, S6, dialled(ipv6))
    assert likeness.worse(S6) is None


def test_only_addresses_of_a_kind_are_compared() -> None:
    """Loopback addresses are not compared with those on the link; nor are exchanges without an answer."""
    likeness = Likeness()
    likeness.take(Family.IPV4, LOOP4, dialled(200))
    likeness.take(Family.IPV6, S6, dialled(400))
    likeness.take(Family.IPV6, LL6, dialled(404))
    likeness.take(Family.IPV4, S4, dialled(503, Outcome.WRONG))
    assert likeness.worse(S6) is likeness.worse(LOOP4) is likeness.worse(LL6) is None


def test_the_contrast_says_how_the_other_family_fared() -> None:
    """A wrong answer is shown beside the right one over the other family, if there was one."""
    likeness = Likeness()
    assert likeness.contrast(Family.IPV6, S6) == ""
    likeness.take(Family.IPV4, S4, replace(dialled(0), detail="the answer matches"))
    assert likeness.contrast(Family.IPV6, S6) == "; over IPv4: the answer matches"


def asked(monkeypatch: pytest.MonkeyPatch, order: str, *, pauses: list[bool] | None = None) -> tuple[bool, str]:
    """Return whether the worse family stays, and who was asked again.

    ``order`` has the statuses that are given one after the other: first to IPv4, then to IPv6, then to who is asked
    again; 0 stands for no answer.
    """
    monkeypatch.setattr(module, "wait_out_limits", lambda: pauses.append(True) if pauses is not None else None)
    statuses, who = [int(text) for text in order.split()], []

    def ask(family: Family) -> Dialled:
        who.append(family.label[-1])
        status = statuses.pop(0)
        return dialled(status, Outcome.ANSWERED if status else Outcome.REFUSED)

    likeness = Likeness()
    for family, address in ((Family.IPV4, S4), (Family.IPV6, S6)):
        likeness.take(family, address, ask(family), lambda family=family: ask(family))  # type: ignore[misc]  # bound in each round
    return likeness.stays(S6), "".join(who[2:])


@pytest.mark.parametrize(
    ("order", "stays", "who"),
    [
        pytest.param("200 403", True, "", id="IPv6 clients are refused"),
        pytest.param("503 200 503 200 503", True, "464", id="IPv4 clients are limited"),
        pytest.param("200 429 429 429", False, "64", id="a limit for all clients that lasts"),
        pytest.param("200 429 200", False, "6", id="a limit for all clients that is over"),
        pytest.param("200 429 429 200 200", False, "646", id="a limit that ends in between"),
        pytest.param("200 429 429 200 429", True, "646", id="a limit for IPv6 clients"),
        pytest.param("200 429 429 0", False, "64", id="no family is answered any more"),
        pytest.param("200 429 0 200 0", True, "646", id="only the worse family is not answered any more"),
    ],
)
def test_a_difference_counts_if_it_stays(monkeypatch: pytest.MonkeyPatch, order: str, stays: bool, who: str) -> None:  # noqa: FBT001 - a row of the table
    """After the answer of a limit both families are asked in turn: the worse one, the other, the worse one."""
    assert asked(monkeypatch, order) == (stays, who)


def test_only_a_limit_is_given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """After statuses of limits there is a pause before both families are asked again."""
    pauses: list[bool] = []
    asked(monkeypatch, "200 403 403 200 403", pauses=pauses)
    assert not pauses
    for status in (421, 429, 503):
        asked(monkeypatch, f"200 {status} {status} 200 {status}", pauses=pauses)
    assert len(pauses) == 3


def test_what_cannot_be_asked_again_is_believed() -> None:
    """If the service was started in between, the answers of the earlier start stand."""
    likeness = Likeness()
    likeness.take(Family.IPV4, S4, dialled(200))
    likeness.take(Family.IPV6, S6, dialled(403))
    assert likeness.stays(S6)
