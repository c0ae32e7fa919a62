"""``--shard``: which of the planned cases run here, and the earlier run whose durations balance the shards."""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from dualstack.backend_names import DOCKER
from dualstack.counting import count
from dualstack.earlier import newest_runs
from dualstack.errors import UsageError
from dualstack.plan import PlannedCase
from dualstack.report.load import load
from dualstack.results import RECORDS
from dualstack.runinfo import RunInfo
from dualstack.sharding import Shard, durations_of

_SCHEMES = frozenset({"unix", "tcp", "http", "https", "ssh"})

Planned = Mapping[Path, Sequence[PlannedCase]]
"""The planned cases of each suite file."""


@contextmanager
def shard_of(
    options: argparse.Namespace, planned: Planned, results: Path
) -> Iterator[tuple[dict[Path, int], list[str]]]:
    """Yield how many cases of each suite file run here, and the options that say so to pytest.

    Args:
        options: The options of ``run``.
        planned: All planned cases.
        results: The folder of all results.

    Raises:
        UsageError: The shard or the folder with durations is wrong.
    """
    if options.shard is None:
        if options.durations is not None:
            raise UsageError("--durations belongs to --shard: it balances the shards")
        yield {path: len(cases) for path, cases in planned.items()}, []
        return
    source = _checked(options.durations) if options.durations is not None else _newest(results)
    durations = dict(durations_of(load(source).records)) if source is not None else {}
    shard = Shard.of(options.shard, durations)
    held = shard.holds(shard.owners(case for cases in planned.values() for case in cases))
    counts = {path: sum(case.key in held for case in cases) for path, cases in planned.items()}
    by = f"balanced by the durations in {source}" if source is not None else "balanced by estimates"
    print(f"shard {shard}: {count(sum(counts.values()), 'case')} of {sum(map(len, planned.values()))}, {by}")
    with tempfile.NamedTemporaryFile("w", prefix="dualstack-durations-", encoding="utf-8") as file:
        json.dump(durations, file)
        file.flush()
        yield counts, [f"--dualstack-shard={shard}", f"--dualstack-durations={file.name}"]


def check_engines(options: argparse.Namespace) -> None:
    """Check the options that name container engines.

    Raises:
        UsageError: They do not fit.
    """
    engines: list[str] = options.docker_host
    if engines and options.lab != DOCKER:
        raise UsageError("--docker-host belongs to --lab docker")
    for address in engines:
        if address.partition("://")[0] not in _SCHEMES or not address.partition("://")[2]:
            raise UsageError(f"--docker-host: found {address!r}, allowed: unix:///path or tcp://host:port")
        if engines.count(address) > 1:
            raise UsageError(f"--docker-host: {address} is given twice")
    if options.workers is not None and options.workers < len(engines):
        raise UsageError(f"-n {options.workers}: too few workers for {len(engines)} engines; each needs at least one")


def _checked(folder: Path) -> Path:
    """Return the folder that the user named.

    Raises:
        UsageError: It has no results.
    """
    if not (folder / RECORDS).is_file():
        raise UsageError(f"--durations: {folder}: no run's results (it has no {RECORDS})")
    return folder.resolve()


def _newest(results: Path) -> Path | None:
    """Return the folder of the newest run that was finished and whole; None without one.

    Runs of shards do not count: the second shard must be split like the first.
    """
    whole = (folder for folder in newest_runs(results) if _is_whole(load(folder).run))
    return next(whole, None)


def _is_whole(run: RunInfo) -> bool:
    """Return whether a run ended, and ran all that was planned."""
    return not run.incomplete and not run.shard
