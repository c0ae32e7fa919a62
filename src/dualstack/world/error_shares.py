"""Whether more clients of one family than of the other get an error status while many come at the same time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import sqrt

from dualstack.counting import count, verb
from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.protocols.judgement import LIMITS

_DEVIATIONS = 3
"""How many standard deviations more than the other family a family is worse off: chance gives less.

If errors are given to clients by chance, the difference of the two numbers has the variance of their sum.
"""

Statuses = Mapping[Family, Sequence[int]]
"""The status of each client of both families; 0 without one."""


def _is_worse(status: int, usual: int) -> bool:
    """Return whether a status is of a worse class than that of an ordinary client, or a limit's."""
    return status // 100 > max(usual // 100, 3) or (status in LIMITS and usual not in LIMITS)


def _errors(statuses: Statuses, usual: Mapping[Family, int]) -> dict[Family, int]:
    """Return how many clients of each family get a status that is worse than the usual one."""
    return {
        family: sum(_is_worse(status, usual.get(family, 0)) for status in seen) for family, seen in statuses.items()
    }


def worse_off(statuses: Statuses, usual: Mapping[Family, int]) -> Family | None:
    """Return the family whose clients get more error statuses than chance explains; None if neither's do.

    If all clients of one family get one, and none of the other, their number does not matter.

    Args:
        statuses: The statuses under load.
        usual: The status of an ordinary client of each family, alone.
    """
    errors = _errors(statuses, usual)
    worse = max(errors, key=lambda family: errors[family])
    least, most = min(errors.values()), errors[worse]
    all_or_none = not least and most == len(statuses[worse]) > 0
    return worse if all_or_none or most - least > _DEVIATIONS * sqrt(least + most) else None


def alike(statuses: Statuses, usual: Mapping[Family, int], worse: Family | None) -> Finding:
    """Return the finding that both families get errors alike; ``worse`` is the family that does not."""
    happened = "; ".join(
        f"over {family.label} {_in_words(statuses[family])}" for family in Family if family in statuses
    )
    if worse is None and len(set(_errors(statuses, usual).values())) > 1:
        happened += "; this may be chance, or the order of the clients"
    return Finding(
        worse is None,
        "concurrent clients of both families get error statuses alike",
        happened,
        symptoms=(Symptom.LIMITED_EARLIER,) if worse is not None else (),
    )


def _in_words(seen: Sequence[int]) -> str:
    """Return how many clients got which status."""
    counts = sorted(Counter(seen).items())
    return ", ".join(
        f"{count(number, 'client')} {verb(number, 'gets', 'get')} {f'status {status}' if status else 'no status'}"
        for status, number in counts
    )
