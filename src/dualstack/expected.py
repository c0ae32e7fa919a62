"""How long a case takes, before it was ever measured: for the order of a run, and for the balance of its shards."""

from collections.abc import Mapping

_USUAL = 0.4
"""Seconds that a case takes whose requirement is not in `_LONG`."""

_LONG: Mapping[str, float] = {
    "CONNECT-012": 6.5, "CONNECT-014": 2.5, "CONNECT-016": 6.5, "CONNECT-018": 2, "DNS-002": 4, "DNS-003": 2,
    "DNS-004": 2, "DNS-005": 3, "DNS-007": 21.5, "DNS-008": 1.5, "DNS-009": 1.5, "DNS-010": 7.5, "DNS-015": 6.5,
    "DNS-018": 3, "FORWARD-002": 1.5, "FORWARD-003": 3, "FORWARD-004": 3, "FORWARD-010": 8.5, "FORWARD-012": 1.2,
    "FORWARD-020": 1.5, "LIFE-004": 2.5, "ROBUST-004": 3, "ROBUST-005": 1.5, "ROBUST-007": 3, "ROBUST-010": 4,
    "ROBUST-011": 2, "SEC-001": 2, "SEC-007": 6, "SEC-008": 4.5, "TRANS-007": 7.5,
}  # fmt: skip
"""Seconds that a case of a requirement takes where it waits much longer, measured with the reference services."""


def expected_seconds(requirement: str) -> float:
    """Return how many seconds a case of a requirement takes, on an idle machine."""
    return _LONG.get(requirement, _USUAL)
