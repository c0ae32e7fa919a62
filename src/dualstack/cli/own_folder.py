"""A command's folder for temporary files: if the command was killed, the next one removes it."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SETTLED = 60.0
"""Seconds: a folder that is younger may not have been locked yet."""


@contextmanager
def own_folder(command: str) -> Iterator[Path]:
    """Make a folder for a command, and remove those that killed commands of this user and name have left.

    A folder is in use as long as its process holds a lock on it, in whatever container that process is.
    """
    prefix = f"dualstack-{command}-"
    for old in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            _remove_left(old)
    with tempfile.TemporaryDirectory(prefix=prefix) as name, _locked(Path(name)):
        yield Path(name)


def _remove_left(folder: Path) -> None:
    """Remove a folder that no process uses.

    Raises:
        OSError: It is in use, or gone.
    """
    found = folder.lstat()
    if found.st_uid == os.getuid() and time.time() - found.st_mtime > _SETTLED:
        with _locked(folder):
            shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        OSError: It is no folder, or another process holds the lock.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
