"""Controls: a finding that is also broken in a control, without the stimulus, is not a result of the stimulus."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.finding import Finding


def excused(findings: Sequence[Finding], control: Sequence[Finding], without: str) -> list[Finding]:
    """Return the findings; each that is also broken in the control counts as met.

    Args:
        findings: The findings of the case.
        control: The findings of the same actions without the stimulus.
        without: What was left out in the control, as the end of a sentence.
    """
    broken = {finding.expected: finding.happened for finding in control if not finding.ok}
    return [
        replace(
            finding,
            ok=True,
            happened=f"{finding.happened}; it is the same {without}: {broken[finding.expected]}",
        )
        if not finding.ok and finding.expected in broken
        else finding
        for finding in findings
    ]
