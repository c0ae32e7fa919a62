"""A timer of the event loop that is exact: asyncio's own rounds each delay up to whole milliseconds (epoll_wait(2))."""

import asyncio
import heapq
import itertools
import os
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from dualstack.prober import libc


class Timer:
    """Calls functions at given times of the monotonic clock, by one timerfd; only scheduling delays them."""

    def __init__(self) -> None:
        """Make the timer for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[float, int, Callable[[], object]]] = []
        self._number = itertools.count()
        self._fd = libc.timerfd_create()
        self._loop.add_reader(self._fd, self._expired)

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Call ``action`` at ``when``, in seconds of `time.monotonic`; at once if that is over."""
        if when <= monotonic():
            action()
            return
        heapq.heappush(self._waiting, (when, next(self._number), action))
        self._arm()

    async def until(self, when: float) -> None:
        """Return at ``when``, in seconds of `time.monotonic`."""
        reached = asyncio.Event()
        self.at(when, reached.set)
        await reached.wait()

    def close(self) -> None:
        """Forget everything that waits; may be called twice."""
        self._waiting.clear()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _arm(self) -> None:
        """Set the timerfd to the earliest time."""
        libc.timerfd_settime(self._fd, self._waiting[0][0])

    def _expired(self) -> None:
        """Call what is due."""
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
        while self._waiting and self._waiting[0][0] <= monotonic():
            _, _, action = heapq.heappop(self._waiting)
            action()
        if self._waiting and self._fd >= 0:
            self._arm()
