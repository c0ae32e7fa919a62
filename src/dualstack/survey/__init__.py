"""The survey: what a service really does in each variant and each kernel state. Nothing is judged."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

from dualstack.backend_names import NETNS
from dualstack.lab.backends import make_backend
from dualstack.lab.protocol import Backend
from dualstack.manifest import Subject
from dualstack.survey.endings import STATUS, UNACCEPTED, compare_statuses
from dualstack.survey.observation import Observation
from dualstack.survey.observing import (
    ANOTHERS,
    FREE,
    NOT_LISTENING,
    STATES,
    TAKEN,
    notation,
    observe,
)
from dualstack.survey.variants import Variant, variants

__all__ = [
    "ANOTHERS",
    "FREE",
    "NOT_LISTENING",
    "STATES",
    "STATUS",
    "TAKEN",
    "UNACCEPTED",
    "Observation",
    "Variant",
    "notation",
    "observe",
    "survey",
    "variants",
]


def survey(
    subjects: Sequence[Subject],
    labs: int = 2,
    progress: Callable[[int, int], object] | None = None,
    *,
    states: Iterable[str] = tuple(STATES),
    taken: Iterable[str] = (FREE,),
    kind: str = NETNS,
    run: str = "",
) -> list[Observation]:
    """Observe every variant of every subject in every state.

    Args:
        subjects: What to observe.
        labs: How many labs exist at the same time, at most.
        progress: Called with the number of observations that are done, and of all.
        states: Keys of `STATES`.
        taken: Keys of `TAKEN`.
        kind: The backend: one of `dualstack.backend_names.BACKENDS`.
        run: The run's id, a label of everything that may outlive the process.

    Raises:
        HostCannot: This machine cannot make a lab, or a root file system has not been built.
        BrokenLab: A proof of a lab failed.
    """
    work = list(product([variant for subject in subjects for variant in variants(subject)], taken, states))
    backends = [make_backend(kind, run, f"survey-{number}") for number in range(min(labs, len(work)))]
    try:
        seen = _observe_all(work, backends, progress)
    finally:
        for backend in backends:
            backend.close()
    compare_statuses(seen)
    return seen


def _observe_all(
    work: Sequence[tuple[Variant, str, str]],
    backends: Sequence[Backend],
    progress: Callable[[int, int], object] | None,
) -> list[Observation]:
    """Observe each start, as many at the same time as there are backends."""
    idle: queue.Queue[Backend] = queue.Queue()
    for backend in backends:
        idle.put(backend)
    lock, done = threading.Lock(), 0

    def one(item: tuple[Variant, str, str]) -> Observation:
        nonlocal done
        backend = idle.get()
        try:
            return observe(backend, *item)
        finally:
            idle.put(backend)
            with lock:
                done += 1
                if progress is not None:
                    progress(done, len(work))

    with ThreadPoolExecutor(len(backends)) as pool:
        return list(pool.map(one, work))
