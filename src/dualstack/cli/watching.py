"""``dualstack run --watch``: runs again whenever the manifest, its program or a file beside them has changed.

What the command itself writes is no change: its output, its results, and what it builds.
"""

import os
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dualstack.cli.check import checked_subjects
from dualstack.cli.own_output import Identity, output_files
from dualstack.errors import INTERRUPTED, UsageError
from dualstack.manifest import Subject
from dualstack.prober.libc import inotify_init, inotify_watch
from dualstack.session import RUN_ID

_EVERY = 2.0
"""Seconds between two looks at the files if no change is reported: not every file system reports changes."""

_QUIET = 0.3
"""Seconds without a further change after which a change is complete: a compiler writes several files."""

_MOST_FILES = 2000
"""How many files of a folder are looked at: a build folder may hold more, and each look takes time."""

_LEFT_OUT = frozenset({".git", "__pycache__", "node_modules", "dualstack-results"})

_SOONEST = 0.1
"""Seconds between two looks at least: a hidden file, which is no change, may be written all the time."""

_EVENTS = 64 * 1024
"""How many bytes of reported changes are read at once; what they say is not needed."""

State = dict[str, tuple[int, int, int]]
"""For each file its inode, its time of change in nanoseconds, and its size."""


@dataclass(frozen=True, slots=True)
class Places:
    """What is watched.

    Attributes:
        files: The manifests, the file that they are made from, and the files that their commands name.
        folders: The folders of these, the working directories of the services, and the folders of their Dockerfiles.
        built: Whether a run builds a service, and so changes files itself.
        results: The folder that the command writes results to; None if no folder is left out.
        output: The files that the output of the command is written to.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    built: bool
    results: Path | None = None
    output: frozenset[Identity] = frozenset()

    @classmethod
    def of(cls, manifests: Iterable[Path], results: Path | None = None, *, made_from: Path | None = None) -> "Places":
        """Return what is watched for some manifests; of one that is wrong, only the file and its folder.

        Args:
            manifests: The manifests.
            results: The folder that the command writes results to.
            made_from: The compose file that it makes the manifests from, if it does.
        """
        files, folders, built = dict[Path, None](), dict[Path, None](), False
        for source in [made_from] if made_from else manifests:
            files[source.absolute()], folders[source.resolve().parent] = None, None
        if made_from:
            files[made_from.absolute().parent / ".env"] = None
        for manifest in manifests:
            with suppress(UsageError):  # it is being edited
                for subject in checked_subjects(manifest):
                    files |= dict.fromkeys(_named(subject))
                    folders |= dict.fromkeys([subject.directory, *_dockerfiles(subject)])
                    built = built or bool(subject.manifest.service.build)
        return cls(tuple(files), tuple(folders), built, results and results.resolve(), output_files())

    def state(self) -> State:
        """Return the state of all files that are watched; files that cannot be read are left out."""
        found: State = {}
        inside = (file for folder in self.folders for file in _files_in(folder, self.results))
        for path in dict.fromkeys([*self.files, *inside]):
            with suppress(OSError):
                kind = path.stat()
                if (kind.st_dev, kind.st_ino) not in self.output:
                    found[str(path)] = (kind.st_ino, kind.st_mtime_ns, kind.st_size)
        return found


def rerun(look: Callable[[], Places], run: Callable[[], int], say: Callable[[str], object]) -> int:
    """Run again and again, each time when a file has changed.

    Args:
        look: Returns what is watched, before each run.
        run: Runs once; returns the exit code, or raises a `UsageError`, as for a manifest that is being edited.
        say: Takes a sentence for the user.

    Returns:
        The exit code of the run that was interrupted; an interrupt between two runs is an exception.
    """
    while True:
        places = look()
        before = places.state()
        try:
            if (code := run()) == INTERRUPTED:
                return code
        except UsageError as error:
            say(f"dualstack: {error}")
        if places.built:
            before = places.state()
        say("waiting for a change of the manifest, the program or a file beside them; Ctrl-C ends this")
        with reported_changes() as pause:
            changed = await_change(before, places.state, pause)
        say(f"changed: {', '.join(changed)}")


@contextmanager
def reported_changes() -> Iterator[Callable[[State], object]]:
    """Yield what waits until something changes beside the files of a state, for at most `_EVERY` seconds (inotify)."""
    try:
        descriptor = inotify_init()
    except OSError:  # the user has too many
        yield lambda _: threading.Event().wait(_EVERY)
        return

    def pause(state: State) -> None:
        """Wait; the first time it only begins to watch, so that no change after the next look is missed."""
        new = {str(Path(name).parent) for name in state} - watched
        watched.update(new)
        for folder in new:
            with suppress(OSError):
                inotify_watch(descriptor, folder)
        if not new:
            if select.select([descriptor], [], [], _EVERY)[0]:
                threading.Event().wait(_SOONEST)
            with suppress(BlockingIOError):
                os.read(descriptor, _EVENTS)

    watched: set[str] = set()
    try:
        yield pause
    finally:
        os.close(descriptor)


def await_change(before: State, look: Callable[[], State], pause: Callable[[State], object]) -> list[str]:
    """Wait until files differ from what they were, and have then not changed for a moment; return their names."""
    now = look()
    while now == before:
        pause(now)
        now = look()
    while True:
        threading.Event().wait(_QUIET)
        later = look()
        if later == now:
            return _differing(before, now)
        now = later


def _differing(before: State, now: State) -> list[str]:
    """Return the files that are new, changed or gone."""
    return sorted(os.path.relpath(name) for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _named(subject: Subject) -> Iterator[Path]:
    """Yield the files that the commands of a service name."""
    connectors = [word for connector in subject.manifest.connect for word in connector.command]
    for word in (*(subject.command or ()), *connectors):
        if "/" in word or "." in word:
            yield subject.directory / word


def _dockerfiles(subject: Subject) -> Iterator[Path]:
    """Yield the folders from which images of a service and of its components are built."""
    for item in (subject.manifest.image, *subject.manifest.component):
        if item is not None and item.build is not None:
            yield (subject.directory / item.build).resolve()


def _is_looked_into(name: str) -> bool:
    """Return whether a folder of this name may hold files of a service: one with the results of a run does not."""
    return name not in _LEFT_OUT and not name.startswith(".") and not RUN_ID.fullmatch(name)


def _files_in(folder: Path, results: Path | None) -> Iterator[Path]:
    """Yield the first files below a folder, hidden ones, those that programs make and results excepted."""
    number = 0
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_looked_into(name) and Path(place, name) != results)
        for name in sorted(files):
            if number == _MOST_FILES:
                return
            if not name.startswith(".") and not name.endswith(("~", ".swp")):
                number += 1
                yield Path(place, name)
