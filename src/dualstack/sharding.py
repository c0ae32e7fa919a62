"""Splits the cases of a run into balanced parts, so that several machines share it; `report.merge` joins the results.

The split depends on the planned cases and the durations alone: every machine that has the same ones makes the same
split. Each case belongs to one shard. The start of a service (`START`) runs in every shard that holds cases of it.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dualstack.casekey import CaseKey
from dualstack.errors import UsageError
from dualstack.expected import expected_seconds
from dualstack.plan import START, PlannedCase
from dualstack.results import SCHEMA, Record, require_schema
from dualstack.verdict import Verdict

SHARD = "shard.json"
"""The file in the folder of a shard's run that has the whole split."""

_TEXT = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")

_NOTHING = 0.001
"""Seconds that a case is counted with that does not apply: it is only recorded."""

_UNMEASURED = frozenset({Verdict.BLOCKED, Verdict.HOST_CANNOT, Verdict.NOT_APPLICABLE})
"""Verdicts of cases that did not run: their time says nothing."""

Owners = Mapping[CaseKey, int]
"""The number of the shard that each case belongs to, in the order of the plan."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a run.

    Attributes:
        number: Which part, from 1 on.
        count: How many parts there are.
        durations: The seconds that cases took in an earlier run, by the text of their key.
    """

    number: int
    count: int
    durations: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the text of the option: ``2/4``."""
        return f"{self.number}/{self.count}"

    @classmethod
    def of(cls, text: str, durations: Mapping[str, float] | None = None) -> "Shard":
        """Return the shard that an option names.

        Raises:
            UsageError: The text is not ``i/n`` with 1 ≤ i ≤ n.
        """
        found = _TEXT.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise UsageError(f"--shard: found {text!r}, allowed: i/n, the i-th of n parts, for example 1/4")
        return cls(int(found[1]), int(found[2]), durations or {})

    def owners(self, cases: Iterable[PlannedCase]) -> Owners:
        """Return the shard of each planned case; a start belongs to the first shard that holds cases of its service.

        The longest cases are placed first, each in the shard that it makes the least long.

        Raises:
            UsageError: There are fewer cases than shards.
        """
        planned = {case.key: self._seconds(case) for case in cases}
        units = _units(planned)
        if len(units) < self.count:
            raise UsageError(
                f"--shard {self}: there are only {len(units)} cases to share out; give at most {len(units)} shards"
            )
        starts = {key.subject: seconds for key, seconds in planned.items() if key.requirement == START}
        loads = [0.0] * self.count
        held: list[set[str]] = [set() for _ in loads]
        owners: dict[CaseKey, int] = {}
        for key in sorted(units, key=lambda key: (-planned[key], key)):
            costs = [
                load + planned[key] + (0 if key.subject in services else starts.get(key.subject, 0))
                for load, services in zip(loads, held, strict=True)
            ]
            chosen = costs.index(min(costs))
            loads[chosen], owners[key] = costs[chosen], chosen + 1
            held[chosen].add(key.subject)
        first = {subject: min(owners[key] for key in owners if key.subject == subject) for subject in starts}
        return {key: owners.get(key) or first[key.subject] for key in planned}

    def _seconds(self, case: PlannedCase) -> float:
        """Return how long a case will take: as long as in the earlier run, or an estimate."""
        if case.not_applicable:
            return _NOTHING
        return max(_NOTHING, self.durations.get(case.id, expected_seconds(case.requirement.id)))

    def holds(self, owners: Owners) -> frozenset[CaseKey]:
        """Return the cases that run in this shard: its own, and the starts of their services."""
        own = {key for key, number in owners.items() if number == self.number}
        services = {key.subject for key in own}
        return frozenset(own | {key for key in owners if key.requirement == START and key.subject in services})

    def write(self, folder: Path, owners: Owners, manifests: Iterable[Path]) -> None:
        """Write the split to a run's folder, for `read_split`; the file is replaced in one step.

        Args:
            folder: The run's folder; each of its processes writes the same.
            owners: The shard of each case.
            manifests: The manifests of the services.

        Raises:
            OSError: It cannot be written, or a manifest cannot be read.
        """
        contents = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in manifests)
        plan = {str(key): number for key, number in owners.items()}
        data = {"schema": SCHEMA, "shard": self.number, "of": self.count, "manifests": contents, "plan": plan}
        beside = folder / f".{SHARD}-{os.getpid()}"
        beside.write_text(json.dumps(data, indent=0), encoding="utf-8")
        beside.replace(folder / SHARD)


def _units(planned: Mapping[CaseKey, float]) -> list[CaseKey]:
    """Return the cases that are placed: all but the starts of services that have other cases."""
    others = {key.subject for key in planned if key.requirement != START}
    return [key for key in planned if key.requirement != START or key.subject not in others]


def durations_of(records: Iterable[Record]) -> Iterator[tuple[str, float]]:
    """Yield the cases that ran, each with its seconds."""
    for record in records:
        if record.verdict not in _UNMEASURED:
            yield record.case, record.seconds


@dataclass(frozen=True, slots=True)
class Split:
    """What `Shard.write` wrote.

    Attributes:
        shard: Whose run it was.
        manifests: A hash of each manifest's contents.
        owners: The shard of each case of the whole run, in the order of the plan.
    """

    shard: Shard
    manifests: tuple[str, ...]
    owners: Owners


def read_split(folder: Path) -> Split | None:
    """Return the split of a shard's run; None if the folder has none.

    Raises:
        ValueError: The file is damaged, or another version wrote it.
        OSError: It cannot be read.
    """
    try:
        data: Any = json.loads((folder / SHARD).read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(data, dict) or not isinstance(data.get("plan"), dict):
        raise ValueError('it has no table "plan"')  # noqa: TRY004 - a damaged file, not a wrong type in the program
    require_schema(data)
    keys = [CaseKey.found_in(text) for text in data["plan"]]
    numbers = [*data["plan"].values()]
    if None in keys or not _are_numbers([data.get("shard"), data.get("of"), *numbers]):
        raise ValueError("a case or the number of its shard is wrong")
    shard = Shard(data["shard"], data["of"])
    if not all(0 < number <= shard.count for number in (shard.number, *numbers)):
        raise ValueError("the number of a shard is wrong")
    owners = dict(zip([key for key in keys if key], numbers, strict=True))
    return Split(shard, tuple(map(str, data.get("manifests", ()))), owners)


def durations_in(path: Path) -> dict[str, float]:
    """Return what `dualstack run` wrote for its workers: the seconds of each case.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        data = json.loads(path.read_bytes())
        return {str(case): float(seconds) for case, seconds in data.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: no durations of cases: {error}") from None


def _are_numbers(values: Sequence[object]) -> bool:
    """Return whether every value is a whole number."""
    return all(type(value) is int for value in values)
