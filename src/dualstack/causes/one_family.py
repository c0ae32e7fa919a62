"""Facts about connectors that know addresses of both families, and use those of one alone."""

from itertools import pairwise

from dualstack.causes.connecting import PATIENT, failed
from dualstack.counting import count
from dualstack.facts import Facts, How, Run, Tried
from dualstack.families import BOTH, Family


def one_family_alone(facts: Facts) -> str:
    """It has tried several addresses of one family, all that it knew, and in no run one of the other, which it knew.

    Or it stopped after the only address of that family, and went on after such a failure where it knew another one.
    """
    families = {item.family for run in facts.runs for item in run.tried}
    if len(families) != 1 or len(facts.host.families) != len(BOTH):
        return ""
    (family,) = families
    for run in failed(facts):
        tried = tuple(dict.fromkeys(item.address for item in run.tried))
        left = {Family.of(item) for item in run.untried}
        if run.literal is not None or not tried or left != {family.other} or not _has_stopped(run):
            continue
        what = f"it tried {' and '.join(tried)}, and no {family.other.label} address"
        if len(tried) > 1:
            return f"{what}, of {count(len(run.known), 'address')} that it knew"
        one, other = _went_on_after(facts, run.tried[-1].how)
        if one is not None and other is not None:
            return f"{what}; in another run it went on after {one.address} ({one.how.result}) with {other.address}"
    return ""


def _has_stopped(run: Run) -> bool:
    """Return whether a run would have made its next attempt, if it had made any: its last one was over for long."""
    if run.tried[-1].how is not How.IGNORED:
        return not run.timed_out
    pauses = [other.at - one.at for one, other in pairwise(run.tried)]
    return bool(pauses) and run.seconds - run.tried[-1].at > max(pauses) + PATIENT


def _went_on_after(facts: Facts, how: How) -> tuple[Tried | None, Tried | None]:
    """Return two attempts to different addresses, the second of which followed such a failure of the first."""
    for run in facts.runs:
        for one, other in pairwise(run.tried):
            if run.literal is None and one.how is how and other.address != one.address:
                return one, other
    return None, None
