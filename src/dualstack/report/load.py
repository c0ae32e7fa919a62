"""Reading a run's folder for a report: missing or damaged files are reported, never fatal."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dualstack.causes.across import settled
from dualstack.counting import count
from dualstack.report.shapes import record_of, run_of
from dualstack.report.text import clip
from dualstack.results import RECORDS, RUN, OtherSchema, Record
from dualstack.runinfo import RunInfo


@dataclass(frozen=True, slots=True)
class RunFolder:
    """What was read from a run's folder.

    Attributes:
        run: What was run.
        records: Its results, in the order in which they were written; their causes fit each other.
        damage: What could not be read, one sentence each.
    """

    run: RunInfo
    records: tuple[Record, ...]
    damage: tuple[str, ...]


def load(folder: Path) -> RunFolder:
    """Return the contents of a run's folder; `RunFolder.damage` names what cannot be read."""
    damage: list[str] = []
    run = _read_run(folder / RUN, damage)
    records = settled(_read_records(folder / RECORDS, damage))
    return RunFolder(run=run, records=records, damage=tuple(damage))


def _read_run(path: Path, damage: list[str]) -> RunInfo:
    """Read run.json; add what is wrong with it to ``damage``."""
    try:
        run, faults = run_of(path.read_bytes())
    except FileNotFoundError:
        damage.append(f"{path.name} is missing: the number of planned cases and the versions are not known.")
        return RunInfo()
    except OSError as error:
        damage.append(f"{path.name} cannot be read ({error.strerror}).")
        return RunInfo()
    except ValueError as error:
        damage.append(f"{path.name} cannot be read ({clip(str(error), 120)}).")
        return RunInfo()
    damage += (f"{path.name}, {clip(fault, 160)}; it is ignored." for fault in faults)
    return run


def _read_records(path: Path, damage: list[str]) -> Iterator[Record]:
    """Yield the records that can be read; add each line that cannot be read to ``damage``."""
    others: Counter[str] = Counter()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    yield record_of(line)
                except OtherSchema as error:
                    others[str(error)] += 1
                except ValueError as error:
                    broken = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
                    cut = "it was truncated when the run ended; " if broken and not line.endswith(b"\n") else ""
                    what = f"{cut}{clip(str(error), 120)}"
                    missing = "if it held a case, that is missing in this report"
                    damage.append(f"{path.name}, line {number}, cannot be read ({what}); {missing}.")
    except FileNotFoundError:
        damage.append(f"{path.name} is missing: no case was recorded.")
    except OSError as error:
        damage.append(f"{path.name} cannot be read ({error.strerror}).")
    damage += (f"{path.name}: {count(number, 'record')} cannot be read ({why})." for why, number in others.items())
