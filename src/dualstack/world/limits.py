"""Services that limit how much they answer in a time."""

import time

PAUSE = 2.0
"""Seconds without a request after which the usual limits, which count for a second, are over."""


def wait_out_limits(seconds: float = PAUSE) -> None:
    """Wait until a limit is over: no event says so, only time ends it."""
    time.sleep(seconds)
