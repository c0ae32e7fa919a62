"""The published schema of results.json: results fit it, it names every key that they have, and it refuses others."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dualstack.report import write_json
from dualstack.report.results_schema import results_schema
from dualstack.results import Record
from tests.report.conftest import closed

SCHEMA = results_schema()


@pytest.fixture
def results(run_folder: Path) -> dict[str, Any]:
    """Return the results of a run with every verdict."""
    return dict(json.loads(write_json(run_folder).read_text(encoding="utf-8")))


def test_results_fit(results: dict[str, Any], records: list[Record]) -> None:
    """The schema is valid, and results with every verdict fit it, also if no other keys are allowed."""
    Draft202012Validator.check_schema(SCHEMA)
    assert len(results["records"]) == len(records)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(results)] == []
    assert [error.message for error in Draft202012Validator(closed(SCHEMA)).iter_errors(results)] == []


def _set(place: str, value: Any) -> Callable[[Any], None]:
    """Return a function that changes the value at a place: ``records.0.verdict``."""

    def change(data: Any) -> None:
        """Change it."""
        *path, last = place.split(".")
        for part in path:
            data = data[int(part) if part.isdecimal() else part]
        data[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        _set("schema", 2),
        _set("records.0.verdict", "splendid"),
        _set("records.0.case", 7),
        _set("records.0.works", []),
        _set("run.planned", "many"),
        _set("summary.cases", "60"),
        _set("services.0.support", "fine"),
        _set("services.0.topologies", {}),
        _set("gate.new", "none"),
        lambda data: data.pop("records"),
    ],
)
def test_other_data_does_not_fit(results: dict[str, Any], change: Callable[[Any], None]) -> None:
    """A value of another type, a word that does not exist or a missing key is refused."""
    data = copy.deepcopy(results)
    change(data)
    assert not Draft202012Validator(SCHEMA).is_valid(data)


def test_new_keys_are_allowed(results: dict[str, Any]) -> None:
    """A later version may add keys: the published schema accepts them."""
    results["more"] = results["records"][0]["more"] = 1
    assert Draft202012Validator(SCHEMA).is_valid(results)
