"""Whether a service starts: determined once in a run, by START-001, and shared by the processes of the run.

The result is a file in the run's folder, which is written in one step. Where START-001 is not part of the run, the
first case in which the service does not become ready determines it for all cases after it.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dualstack.deadline import Deadline
from dualstack.plan import PlannedCase
from dualstack.prober.messages import STARVATION_FACTOR

_WAIT = 120.0
"""Seconds that a case waits for the result of another process, in addition to the time that the service may take."""

WHOLE = ""
"""The key of the whole service in `Faults`."""

Faults = Mapping[str, str]
"""Why parts of a service do not start, by the name of the listener or connector, or `WHOLE`."""


class Startups:
    """The starts of a run's services, shared by its processes."""

    def __init__(self, folder: Path, *, alone: bool) -> None:
        """Share them in the run's ``folder``; ``alone`` means that no other process runs cases."""
        self._folder = folder / "starts"
        self._alone = alone
        self._planned: frozenset[str] = frozenset()
        self._given_up: set[str] = set()

    def expect(self, subjects: frozenset[str]) -> None:
        """Set the services whose start is a case of this run."""
        self._planned = subjects

    def note(self, subject: str, faults: Faults, completed: Collection[str] | None = None) -> None:
        """Write the result of a start, unless one is written; on a full disk write an empty file.

        Args:
            subject: The service.
            faults: Why parts of it do not start.
            completed: Its connectors that have completed an exchange with the lab's server; None if that is not known.
        """
        path = self._path(subject)
        if path.exists():
            return
        beside = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.touch()
            with suppress(OSError):
                known = None if completed is None else sorted(completed)
                text = json.dumps({"faults": dict(faults), "completed": known})
                beside.write_text(text, encoding="utf-8", errors="backslashreplace")
            beside.replace(path)

    def known(self, subject: str) -> Faults | None:
        """Return why parts of a service do not start; None as long as that is not known."""
        found = self._read(subject)
        return None if found is None else {str(key): str(fault) for key, fault in found.get("faults", {}).items()}

    def completes(self, case: PlannedCase) -> bool | None:
        """Return whether the connector of a case has completed an exchange at the start; None if that is not known."""
        completed = (self._read(case.subject.name) or {}).get("completed")
        return None if completed is None else case.element in completed

    def blocking(self, case: PlannedCase) -> str:
        """Return why a case is blocked, or an empty text; wait if another process is going to determine it."""
        subject = case.subject.name
        if subject in self._planned and not self._alone and subject not in self._given_up:
            patience = _WAIT + STARVATION_FACTOR * case.subject.manifest.timeouts.ready
            if not Deadline(patience, f"the start of {subject}").until(lambda: self.known(subject) is not None):
                self._given_up.add(subject)
        return blocking_reason(self.known(subject) or {}, case)

    def determine(self, case: PlannedCase, look: Callable[[], Faults]) -> str:
        """Return why a case is blocked, or an empty text; ``look`` is called if that is not known yet."""
        path = self._path(case.subject.name).with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            patience = _WAIT + STARVATION_FACTOR * case.subject.manifest.timeouts.ready
            if not Deadline(patience, "another process").until(lambda: _locked(lock.fileno())):
                return ""
            if self.known(case.subject.name) is None:
                self.note(case.subject.name, look())
        return blocking_reason(self.known(case.subject.name) or {}, case)

    def _read(self, subject: str) -> dict[str, Any] | None:
        """Return what is written about a service: None if nothing is, empty if it is not complete."""
        try:
            text = self._path(subject).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        with suppress(ValueError):
            return dict(json.loads(text))
        return {}

    def _path(self, subject: str) -> Path:
        """Return the file of a service."""
        return self._folder / f"{hashlib.sha256(subject.encode()).hexdigest()[:16]}.json"


def blocking_reason(faults: Faults, case: PlannedCase) -> str:
    """Return why a case is blocked; empty if its part of the service starts."""
    if fault := faults.get(WHOLE):
        return f"the service does not start (START-001): {fault}"
    if fault := faults.get(case.element):
        return f"{case.element} does not start (START-001): {fault}"
    return ""


def _locked(descriptor: int) -> bool:
    """Lock a file; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
