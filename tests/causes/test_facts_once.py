"""Facts are listed once: one that repeats the beginning of another says nothing new."""

from dualstack.facts import once


def test_repeated_beginnings_are_left_out() -> None:
    """A sentence that an earlier one continues is left out; one that only begins with the same letters stays."""
    assert once(
        [
            "It queried A, and never AAAA.",
            "It queried A.",
            "No socket takes IPv6 on port 80: it listens on 0.0.0.0.",
            "No socket takes IPv6 on port 80.",
            "No socket takes IPv6 on port 8.",
            "No socket takes IPv6 on port 8.",
        ]
    ) == (
        "It queried A, and never AAAA.",
        "No socket takes IPv6 on port 80: it listens on 0.0.0.0.",
        "No socket takes IPv6 on port 8.",
    )
