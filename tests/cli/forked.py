"""Runs the command line in a child of a process that has imported everything: a fraction of the time of a new one."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dualstack.lab.forked import take_streams
from dualstack.start import main

_SECONDS = 120

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([__name__, "dualstack.cli.main", "dualstack.cli.check", "dualstack.cli.run"])


def run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``dualstack`` with these words in a folder, and return how it ended.

    Raises:
        TimeoutError: It has not ended after two minutes, and was killed.
    """
    with tempfile.TemporaryDirectory() as name:
        outputs = [Path(name, "out"), Path(name, "err")]
        process = _SERVER.Process(target=_act, args=(list(words), str(folder), *map(str, outputs)))
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"dualstack {' '.join(words)} has not ended after {_SECONDS} s")
        out, err = (path.read_text(encoding="utf-8", errors="surrogateescape") for path in outputs)
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _act(words: list[str], folder: str, out: str, err: str) -> None:
    """Be the command."""
    os.chdir(folder)
    os.environ["COLUMNS"] = "120"
    with open(os.devnull, "rb") as nothing, open(out, "wb") as first, open(err, "wb") as second:  # noqa: PTH123
        take_streams(nothing.fileno(), first.fileno(), second.fileno())
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - open to the end
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the same
    sys.argv = ["dualstack", *words]
    try:
        sys.exit(main())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
