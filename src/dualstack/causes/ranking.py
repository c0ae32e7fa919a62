"""Which causes the facts of a case support, the likeliest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from dualstack.causes.rule import STRONG, Rule, shows_wrong
from dualstack.causes.rules import RULES
from dualstack.facts import Facts, untried

OWN_CAUSES_ONLY = frozenset({"START-001"})
"""Requirements whose failure the service's output explains: only a cause that they list, with evidence, is named."""


@dataclass(frozen=True, slots=True)
class Likely:
    """A cause that fits the facts.

    Attributes:
        code: The cause.
        weight: The weight of its strongest support; 0 if it is only a usual cause of the requirement.
        because: The fact that supports it most, as a sentence in lower case; empty with weight 0.
    """

    code: str
    weight: int = 0
    because: str = ""


@cache
def _by_code() -> dict[str, Rule]:
    """Return the rules by cause."""
    return {rule.code: rule for rule in RULES}


def likely(codes: Sequence[str], facts: Facts) -> tuple[Likely, ...]:
    """Return the causes that fit the facts, the likeliest first; empty if none does.

    A cause that the facts contradict is never returned. A cause that the requirement does not list needs at least
    `STRONG` support. Causes are ordered by weight, then as the requirement lists them. A listed cause without a rule is
    returned only if no other cause has support. If a component of the service failed, its output is the explanation:
    no cause is returned.

    Args:
        codes: The requirement's causes, most likely first.
        facts: What was recorded.
    """
    if facts.component:
        return ()
    others = [] if facts.requirement in OWN_CAUSES_ONLY else RULES
    order = [*codes, *(rule.code for rule in others if rule.code not in codes)]
    weighed = [_weighed(code, facts, listed=code in codes) for code in order]
    fitting = [item for item in weighed if item is not None]
    shown = [item for item in fitting if item.weight] or fitting
    return tuple(sorted(shown, key=lambda item: -item.weight))


def contradiction(code: str, facts: Facts) -> str:
    """Return the fact that contradicts a cause; empty if none does."""
    rule = _by_code().get(code, Rule(code))
    return next((sentence for test in rule.against if (sentence := test(facts))), "")


def _weighed(code: str, facts: Facts, *, listed: bool) -> Likely | None:
    """Return a cause with its strongest support; None if it does not fit."""
    if contradiction(code, facts):
        return None
    rule = _by_code().get(code)
    if rule is None:
        return None if untried(facts) else Likely(code)
    found = [(weight, sentence) for weight, test in rule.support if (sentence := test(facts))]
    if untried(facts):  # that the case is about a requirement is no evidence
        found = [(weight, sentence) for weight, sentence in found if sentence.strip()]
    weight, because = max(found, key=lambda item: item[0], default=(0, ""))
    if weight >= STRONG and not because.strip():
        because = shows_wrong(facts)  # what failed is the evidence
    if weight >= STRONG or (listed and (weight or not (rule.evident or untried(facts)))):
        return Likely(code, weight, because.strip())
    return None
