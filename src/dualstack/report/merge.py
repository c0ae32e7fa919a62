"""Joining the runs of all shards into one run's folder, equal to that of a run of all cases on one machine."""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from dualstack.casekey import CaseKey
from dualstack.counting import count
from dualstack.errors import UsageError
from dualstack.plan import START
from dualstack.report import write_all
from dualstack.report.load import RunFolder, load
from dualstack.report.text import clip, enumerated
from dualstack.report.verdict_style import weight
from dualstack.results import RECORDS, RUN, Record, append_record
from dualstack.runinfo import RunInfo
from dualstack.session import LATEST
from dualstack.sharding import Owners, Split, read_split
from dualstack.verdict import Verdict, exit_code

_OPTIONS = {"--dualstack-strict": "--strict", "--dualstack-ignore-known": "--ignore-known"}
"""Options of a run that change verdicts."""

_OF_A_SHARD = ("--dualstack-shard=", "--dualstack-durations=")
_NAMED = 3
"""How many missing cases are named."""


@dataclass(frozen=True, slots=True)
class Part:
    """The run of one shard.

    Attributes:
        folder: The run's folder.
        split: Which shard it is, and the split.
        content: What its folder holds.
    """

    folder: Path
    split: Split
    content: RunFolder

    @property
    def number(self) -> int:
        """The number of the shard."""
        return self.split.shard.number

    @property
    def run(self) -> RunInfo:
        """What was run."""
        return self.content.run

    @classmethod
    def of(cls, folder: Path) -> "Part":
        """Read a folder of a run, or a results folder with one run.

        Raises:
            UsageError: It holds no run of a shard, or several.
        """
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder")
        folder = _run_in(folder)
        content = load(folder)
        try:
            split = read_split(folder)
        except (ValueError, OSError) as error:
            raise UsageError(f"{folder}: its split cannot be read: {error}") from None
        if split is None:
            shard = content.run.shard
            why = (
                f"shard {shard} ended before its first case"
                if shard
                else "no run of a shard: see dualstack run --shard"
            )
            raise UsageError(f"{folder}: {why}")
        return cls(folder, split, content)


def _run_in(folder: Path) -> Path:
    """Return the folder itself, or that of the only run in it.

    Raises:
        UsageError: There are several.
    """
    inside = [path.parent for path in folder.glob(f"*/{RUN}") if path.parent.name != LATEST]
    if (folder / RUN).exists() or not inside:
        return folder
    if len(inside) > 1:
        names = ", ".join(sorted(path.name for path in inside))
        raise UsageError(f"{folder}: holds several runs ({names}); give the folder of one")
    return inside[0]


def merge(folders: Sequence[Path], output: Path, *, partial: bool = False) -> int:
    """Write the folder of the whole run, with all reports; return its exit code.

    Args:
        folders: The folders of the shards' runs.
        output: The folder to write.
        partial: Whether shards may be missing or incomplete.

    Raises:
        UsageError: The folders are not the shards of one run, or the output cannot be written.
    """
    parts = sorted(map(Part.of, folders), key=lambda part: part.number)
    for why in _differences(parts):
        raise UsageError(why)
    gaps = list(_gaps(parts))
    if gaps and not partial:
        raise UsageError("\n".join([*gaps, "--partial merges the rest"]))
    kept, doubts = _kept(parts)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output}: exists already; give the name of a new folder after -o")
    owners = parts[0].split.owners
    run = _joined(parts, planned=len(owners), troubles=(*gaps, *doubts))
    code = _code([record for record, _ in kept.values()], parts, run, incomplete=bool(gaps) or len(kept) < len(owners))
    made = output.with_name(f".{output.name}.new")
    try:
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        _write(made, [kept[key] for key in owners if key in kept])
        replace(run, exit_code=code).write(made)
        write_all(made)
        made.replace(output)
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}") from None
    return code


def _differences(parts: Sequence[Part]) -> Iterator[str]:
    """Yield why the parts do not belong together."""
    for before, part in pairwise(parts):
        if part.number == before.number:
            yield f"shard {part.split.shard} is given twice: {before.folder} and {part.folder}"
    for part in parts[1:]:
        yield from _unlike(parts[0], part)
    for part in parts:
        for record in part.content.records:
            owner = part.split.owners.get(record.key)
            if owner != part.number and not (owner and record.requirement == START):
                yield f"{part.folder} has a result of {record.case}, which belongs to shard {owner or 'of another run'}"


def _unlike(one: Part, other: Part) -> Iterator[str]:
    """Yield how two parts differ that must be of one run."""
    if other.split.shard.count != one.split.shard.count:
        yield f"shards of different runs: {one.folder} is {one.split.shard}, {other.folder} is {other.split.shard}"
    for what, first, second in _conditions(one, other):
        if first != second:
            yield f"the shards differ in {what}: {one.folder} has {first or 'none'}, {other.folder} {second or 'none'}"
    if other.split.manifests != one.split.manifests:
        yield f"{other.folder} was run with other manifests than {one.folder}: run it again with the same files"
    if why := _other_plan(one.split.owners, other.split.owners):
        yield f"{other.folder} was split from another plan than {one.folder}: {why}"


def _conditions(one: Part, other: Part) -> Iterator[tuple[str, str, str]]:
    """Yield what must be equal in two runs: its name, and both values."""
    yield "the version of dualstack", one.run.dualstack, other.run.dualstack
    yield "the kind of lab", one.run.lab, other.run.lab
    for argument, option in _OPTIONS.items():
        given = [option if argument in part.run.arguments else "" for part in (one, other)]
        yield "their options", given[0], given[1]


def _other_plan(one: Owners, other: Owners) -> str:
    """Return how two splits differ; empty if they are equal."""
    only = [key for key in (*one, *other) if (key in one) != (key in other)]
    if only:
        return f"only one of them has {only[0]}; select the same cases"
    moved = next((key for key in one if one[key] != other[key]), None)
    if moved is None:
        return ""
    return f"{moved} belongs to shard {one[moved]} or {other[moved]}; give the same --durations"


def _gaps(parts: Sequence[Part]) -> Iterator[str]:
    """Yield what is not complete."""
    total, owners = parts[0].split.shard.count, parts[0].split.owners
    for number in sorted({*range(1, total + 1)} - {part.number for part in parts}):
        cases = [str(key) for key, owner in owners.items() if owner == number]
        yield f"shard {number}/{total} is missing, with {count(len(cases), 'case')}{_named(cases)}"
    for part in parts:
        if part.run.incomplete:
            recorded = {record.key for record in part.content.records}
            cases = [str(key) for key, owner in owners.items() if owner == part.number and key not in recorded]
            ended = f"shard {part.split.shard} was interrupted ({part.folder}): run it again"
            yield f"{ended}; {count(len(cases), 'case')} without a result{_named(cases)}"
        yield from (f"{part.folder}: {damage}" for damage in part.content.damage)


def _named(cases: Sequence[str]) -> str:
    """Return the first names of a list, behind a colon."""
    more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
    return f": {', '.join(cases[:_NAMED])}{more}" if cases else ""


def _kept(parts: Sequence[Part]) -> tuple[dict[CaseKey, tuple[Record, Part]], list[str]]:
    """Return one record of each case, with its shard; and the starts that ended differently.

    A start has a record in several shards: the most serious one is kept, then that of the first shard.
    """
    found: dict[CaseKey, list[tuple[Record, Part]]] = {}
    for part in parts:
        for record in part.content.records:
            found.setdefault(record.key, []).append((record, part))
    kept = {key: min(items, key=lambda item: weight(item[0].verdict)) for key, items in found.items()}
    doubts = []
    for key, items in found.items():
        seen = [f"{record.verdict.value} in shard {part.number}" for record, part in items]
        if len({record.verdict for record, _ in items}) > 1:
            doubts.append(f"{key} has different results: {enumerated(seen)}; the report shows the most serious one")
    return kept, doubts


def _joined(parts: Sequence[Part], *, planned: int, troubles: Sequence[str]) -> RunInfo:
    """Return what is known of the whole run; it took as long as its longest shard."""
    runs = [part.run for part in parts]
    own = [f"shard {part.number}: {trouble}" for part in parts for trouble in part.run.troubles]
    return replace(
        runs[0],
        git=_each(run.git for run in runs),
        python=_each(run.python for run in runs),
        kernel=_each(run.kernel for run in runs),
        machine=_each(run.machine for run in runs),
        engine=_each(run.engine for run in runs),
        started=min(run.started for run in runs),
        shard="",
        command=_whole(runs[0].command),
        arguments=tuple(word for word in runs[0].arguments if not word.startswith(_OF_A_SHARD)),
        images={name: identity for run in reversed(runs) for name, identity in run.images.items()},
        planned=planned,
        interrupted=False,
        seconds=max((run.seconds for run in runs if run.seconds is not None), default=None),
        troubles=tuple(clip(text, 400) for text in (*troubles, *own)),
    )


def _each(values: Iterable[str]) -> str:
    """Return each different value once."""
    return "; ".join(dict.fromkeys(values))


def _code(records: Sequence[Record], parts: Sequence[Part], run: RunInfo, *, incomplete: bool) -> int:
    """Return the exit code of the whole run."""
    declared = {record.subject for record in records if record.requirement == START and record.verdict is Verdict.KNOWN}
    verdicts = (
        Verdict.NOT_APPLICABLE if record.verdict is Verdict.BLOCKED and record.subject in declared else record.verdict
        for record in records
    )
    code = exit_code(verdicts, strict=run.strict)
    if incomplete or any(part.run.troubles for part in parts):
        return 3
    return code or max(int(part.run.exit_code == 1) for part in parts)  # a test outside the suites has failed


def _write(folder: Path, kept: Sequence[tuple[Record, Part]]) -> None:
    """Write the records and their evidence."""
    (folder / RECORDS).touch()
    for record, part in kept:
        append_record(folder, record)
        evidence = Path("cases", record.key.file_name)
        if (part.folder / evidence).is_dir():
            shutil.copytree(part.folder / evidence, folder / evidence, dirs_exist_ok=True)


def _whole(command: str) -> str:
    """Return the command line of a shard's run without the options that make it a shard."""
    return re.sub(r" --(shard|durations)[ =]('[^']*'|\S+)", "", command)
