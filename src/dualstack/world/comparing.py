"""What a service does by itself: findings that are the same without what a case does to it are not its result."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.finding import Finding


def excused(findings: Sequence[Finding], control: Sequence[Finding], without: str) -> list[Finding]:
    """Return the findings; those that are broken in a control, too, are as expected there.

    Args:
        findings: What was found.
        control: What was found when the same was done without what the requirement is about.
        without: What that was, as the end of a sentence.
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
