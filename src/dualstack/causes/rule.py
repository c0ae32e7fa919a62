"""How a cause declares which facts support it and which rule it out: tests of facts, and weights."""

from collections.abc import Callable
from dataclasses import dataclass

from dualstack.facts import Facts, Sign
from dualstack.families import Family

Test = Callable[[Facts], str]
"""Returns a sentence about the facts if it holds, and an empty string if not."""

HINT, FITS, STRONG, DECISIVE, CERTAIN = 1, 2, 3, 4, 5
"""Weights of evidence. With `STRONG` or more, a cause is named even if the requirement does not list it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which facts support a cause, and which rule it out.

    Attributes:
        code: The cause.
        support: Tests that support it, each with its weight; the greatest weight counts.
        against: Tests that contradict it: if one holds, the cause is never named.
        evident: Whether it needs support even if the requirement lists it.
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
    """Return the test that all of these hold; it returns the first visible sentence."""

    def test(facts: Facts) -> str:
        sentences = [item(facts) for item in tests]
        return max(sentences, key=lambda text: bool(text.strip())) if all(sentences) else ""

    return test


def unless(test: Test, sentence: str) -> Test:
    """Return the test that ``test`` does not hold, with its sentence."""
    return lambda facts: "" if test(facts) else sentence


def about(*requirements: str) -> Test:
    """Return the test that the case is about one of these requirements or groups of requirements."""

    def test(facts: Facts) -> str:
        wanted = {facts.requirement, facts.requirement.partition("-")[0]} & set(requirements)
        return " " * bool(wanted)  # it holds, but needs no sentence

    return test


def shows_wrong(facts: Facts) -> str:
    """Return the first failed finding, of which the cause is the explanation."""
    return facts.broken[0].text if facts.broken else ""


def where(facts: Facts) -> str:
    """Return the port of the case in words: ``TCP port 80``."""
    return f"{facts.transport.upper()} port {facts.port}"


def lost(family: Family) -> Test:
    """Return the test that a family is lost."""
    return lambda facts: f"{family.label} clients are not served" if facts.lost(family) else ""


def ended(facts: Facts) -> str:
    """Return how the service ended by itself; empty if it did not."""
    how = facts.ended
    if how is None:
        return ""
    return f"the service ended {'after' if how.ready else 'before'} it was ready: it {how.ended}"


def did_not_start(facts: Facts) -> str:
    """Return how the first failed start of the service ended; empty if none failed."""
    failed = next((item for item in facts.starts if not item.ready), None)
    if failed is None:
        return ""
    return f"the service {failed.ended}, before it was ready" if failed.ended else "the service did not become ready"
