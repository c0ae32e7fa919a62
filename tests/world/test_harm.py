"""Clients after which others are not served."""

import pytest

from dualstack.families import Family
from dualstack.prober.messages import Dialled, Outcome
from dualstack.world.harm import harmful

F4, F6 = Family.IPV4, Family.IPV6
OK, SILENT, REFUSED = Outcome.ANSWERED, Outcome.SILENT, Outcome.REFUSED


def dialled(outcome: Outcome) -> Dialled:
    """Return an exchange with this outcome."""
    return Dialled(outcome, "", outcome is not REFUSED, "", 0, "", "", 0.0, "it ended")


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "then", "found"),
    [
        (OK, OK, SILENT, None),
        (OK, SILENT, OK, None),
        (OK, SILENT, SILENT, F6),
        (OK, SILENT, REFUSED, F6),
        (OK, REFUSED, SILENT, None),
        (SILENT, SILENT, SILENT, None),
        (SILENT, OK, SILENT, None),
    ],
)
def test_only_a_client_that_others_follow_in_vain_is_harmful(
    ipv4: Outcome, ipv6: Outcome, then: Outcome, found: Family | None
) -> None:
    """A client is harmful if it hangs, and one that was served before hangs or is refused afterwards."""
    assert harmful({F4: dialled(ipv4), F6: dialled(ipv6)}, lambda _: then) is found
