"""Which causes the facts of a case show, the likeliest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from dualstack.causes.rule import STRONG, Rule
from dualstack.causes.rules_binding import RULES as BINDING
from dualstack.causes.rules_clients import RULES as CLIENTS
from dualstack.causes.rules_connecting import RULES as CONNECTING
from dualstack.causes.rules_running import RULES as RUNNING
from dualstack.facts import Facts

RULES: tuple[Rule, ...] = (*BINDING, *CLIENTS, *RUNNING, *CONNECTING)
"""What speaks for and against each cause that has a rule."""

WITHOUT_CAUSES = frozenset({"START-001"})
"""Requirements whose failure is explained by what the service says, not by a cause about families."""


@dataclass(frozen=True, slots=True)
class Likely:
    """A cause that fits the facts.

    Attributes:
        code: The cause.
        weight: How much speaks for it; 0 if it is only what the requirement usually fails of.
        because: The fact that speaks for it most, as a sentence without its first capital; empty with weight 0.
    """

    code: str
    weight: int = 0
    because: str = ""


@cache
def _by_code() -> dict[str, Rule]:
    """Return the rules by their causes."""
    return {rule.code: rule for rule in RULES}


def likely(codes: Sequence[str], facts: Facts) -> tuple[Likely, ...]:
    """Return the causes that fit the facts, the likeliest first; none if the cause is not known.

    A cause that the facts contradict is never named. One that the requirement does not list is named if much speaks for
    it; one that it lists keeps its place behind those for which more speaks. A cause without a rule is named if the
    requirement lists it and nothing speaks for another one.

    Args:
        codes: The requirement's causes, most likely first.
        facts: What was recorded.
    """
    if facts.requirement in WITHOUT_CAUSES:
        return ()
    order = [*codes, *(rule.code for rule in RULES if rule.code not in codes)]
    weighed = [_weighed(code, facts, listed=code in codes) for code in order]
    fitting = [item for item in weighed if item is not None]
    shown = [item for item in fitting if item.weight] or fitting
    return tuple(sorted(shown, key=lambda item: -item.weight))


def contradiction(code: str, facts: Facts) -> str:
    """Return the fact that contradicts a cause; empty if none does."""
    rule = _by_code().get(code, Rule(code))
    return next((told for test in rule.against if (told := test(facts))), "")


def _weighed(code: str, facts: Facts, *, listed: bool) -> Likely | None:
    """Return a cause with what speaks for it; None if it is not to be named."""
    if contradiction(code, facts):
        return None
    rule = _by_code().get(code)
    if rule is None:
        return Likely(code)
    found = [(weight, told) for weight, test in rule.support if (told := test(facts))]
    weight, because = max(found, key=lambda item: item[0], default=(0, ""))
    if weight >= STRONG or (listed and (weight or not rule.evident)):
        return Likely(code, weight, because.strip())
    return None
