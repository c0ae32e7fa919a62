"""The files that this command's output is written to: by itself (``> log``), or by what reads it (``| tee log``)."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

Identity = tuple[int, int]
"""A file's device and inode."""


def output_files() -> frozenset[Identity]:
    """Return the regular files to which standard output and error are written.

    If one is a pipe, they are the files that its reader writes to; so for the whole pipeline.
    """
    files, pipes = _sorted_out(1, 2)
    waiting = set(pipes)
    while waiting:
        found, further = set[Identity](), set[Identity]()
        for written, read in _others():
            if read & waiting:
                found |= written[0]
                further |= written[1]
        files |= found
        waiting = further - pipes
        pipes |= further
    return frozenset(files)


def _sorted_out(*descriptors: int) -> tuple[set[Identity], set[Identity]]:
    """Return the regular files, and the pipes, that descriptors of this process are."""
    files, pipes = set[Identity](), set[Identity]()
    for descriptor in descriptors:
        with suppress(OSError):  # it is closed
            _add(os.fstat(descriptor), files, pipes)
    return files, pipes


def _add(kind: os.stat_result, files: set[Identity], pipes: set[Identity]) -> None:
    """Add a file to those of its type, if it is one of these."""
    if stat.S_ISREG(kind.st_mode):
        files.add((kind.st_dev, kind.st_ino))
    elif stat.S_ISFIFO(kind.st_mode):
        pipes.add((kind.st_dev, kind.st_ino))


def _others() -> Iterator[tuple[tuple[set[Identity], set[Identity]], set[Identity]]]:
    """Yield for each other process of this user the files and the pipes that it writes to, and the pipes it reads."""
    for place in Path("/proc").glob("[0-9]*"):
        if place.name == str(os.getpid()):
            continue
        files, pipes, read = set[Identity](), set[Identity](), set[Identity]()
        with suppress(OSError):  # it has ended, or is another user's
            for descriptor in (place / "fd").iterdir():
                with suppress(OSError):  # it is closed by now
                    kind = descriptor.stat()
                    written = _is_written(place / "fdinfo" / descriptor.name)
                    _add(kind, files if written else set(), pipes if written else read)
        yield (files, pipes), read


def _is_written(info: Path) -> bool:
    """Return whether a descriptor is open for writing: its flags are octal in /proc."""
    flags = next(line for line in info.read_text().splitlines() if line.startswith("flags:"))
    return int(flags.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
