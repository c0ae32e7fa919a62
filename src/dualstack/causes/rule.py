"""How a cause declares what speaks for it and against it: tests of facts, and their weights."""

from collections.abc import Callable
from dataclasses import dataclass

from dualstack.facts import Facts, Sign
from dualstack.families import Family

Test = Callable[[Facts], str]
"""Returns a sentence about the facts if it holds, and an empty text if not."""

HINT, FITS, STRONG, DECISIVE, CERTAIN = 1, 2, 3, 4, 5
"""Weights of evidence. From `STRONG` on a cause is named also for a requirement that does not list it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What speaks for a cause and against it.

    Attributes:
        code: The cause.
        support: Tests that speak for it, each with its weight; the greatest one that holds counts.
        against: Tests that contradict it: a cause with one that holds is never named.
        evident: Whether it is named only if something speaks for it, also for a requirement that lists it.
    """

    code: str
    support: tuple[tuple[int, Test], ...] = ()
    against: tuple[Test, ...] = ()
    evident: bool = True


def says(*signs: Sign) -> Test:
    """Return the test that the service's output has one of these signs."""

    def test(facts: Facts) -> str:
        line = facts.says(*signs)
        return f'its output says "{line}"' if line else ""

    return test


def both(*tests: Test) -> Test:
    """Return the test that all of these hold; the first one that says something counts."""

    def test(facts: Facts) -> str:
        told = [item(facts) for item in tests]
        return max(told, key=lambda text: bool(text.strip())) if all(told) else ""

    return test


def unless(test: Test, sentence: str) -> Test:
    """Return the test that ``test`` does not hold."""
    return lambda facts: "" if test(facts) else sentence


def about(*requirements: str) -> Test:
    """Return the test that the case is one of these requirements, or of these groups of them."""

    def test(facts: Facts) -> str:
        wanted = {facts.requirement, facts.requirement.partition("-")[0]} & set(requirements)
        return " " * bool(wanted)  # it holds, and says nothing that the reader does not know

    return test


def where(facts: Facts) -> str:
    """Return the port in question, as a person writes it."""
    return f"{facts.transport.upper()} port {facts.port}"


def lost(family: Family) -> Test:
    """Return the test that a family is lost."""
    return lambda facts: f"{family.label} clients are not served" if facts.lost(family) else ""


def ended(facts: Facts) -> str:
    """Return how the service ended by itself."""
    how = facts.ended
    if how is None:
        return ""
    return f"the service ended {'after' if how.ready else 'before'} it was ready: it {how.ended}"


def did_not_start(facts: Facts) -> str:
    """Return that a start of the service did not succeed, if one did not."""
    failed = next((item for item in facts.starts if not item.ready), None)
    if failed is None:
        return ""
    return f"the service {failed.ended or 'did not become ready'}, before it was ready"
