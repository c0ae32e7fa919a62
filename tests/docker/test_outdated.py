"""Which images ``dualstack sweep`` takes for outdated; images of others never are."""

from pathlib import Path

import pytest

from dualstack.lab.docker.images import FOLDER, MADE, labels_of, machine
from dualstack.lab.docker.outdated import _is_outdated

CURRENT = "dualstack-prober:0123456789abcdef"
HERE, ELSEWHERE = Path(__file__).parent, Path("/nowhere/at/all")
OURS = {MADE: "1"}


@pytest.mark.parametrize(
    ("tags", "labels", "outdated"),
    [
        ([CURRENT], OURS, False),
        (["dualstack-prober:of-another-version"], OURS, True),
        (["dualstack-prober:of-another-version", CURRENT], OURS, False),
        (["dualstack-prober:of-another-version", "team/kept:1"], OURS, False),
        (["dualstack-prober:without-our-label"], {}, False),
        (["dualstack-service:it-is-there"], labels_of(HERE), False),
        (["dualstack-service:it-is-gone"], labels_of(ELSEWHERE), True),
        (["dualstack-service:it-is-gone", "team/kept:1"], labels_of(ELSEWHERE), False),
        (["dualstack-service:of-another-machine"], {MADE: "1", FOLDER: f"not-{machine()} {ELSEWHERE}"}, False),
        ([], labels_of(HERE), True),
        ([], OURS, False),
        ([], {}, False),
        (["team/based-on-ours:1"], labels_of(ELSEWHERE), False),
        (["debian:bookworm-slim"], OURS, False),
    ],
)
def test_what_is_outdated(tags: list[str], labels: dict[str, str], outdated: bool) -> None:  # noqa: FBT001 - a parameter
    """The prober's of other versions, and a service's that was replaced or whose folder is gone: no other image."""
    assert _is_outdated(tags, labels, CURRENT) is outdated
