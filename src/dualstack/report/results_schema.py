"""The JSON schema of results.json, made from the types of records and runs and the forms below."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from dualstack.report.draft import State
from dualstack.report.jsonfile import SCHEMA
from dualstack.report.support import Support
from dualstack.results import SCHEMA as RECORDS_SCHEMA
from dualstack.results import Record
from dualstack.runinfo import RunInfo
from dualstack.scenarios import Plan, Scenario, Side
from dualstack.verdict import Verdict

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Summary(BaseModel):
    """The run as a whole; ``missing`` counts planned cases without a result."""

    headline: str
    cases: int
    missing: int
    interrupted: bool
    warnings: list[str]
    verdicts: dict[Verdict, int]


class Note(BaseModel):
    """An entry of a baseline that needs a change: its file and line, and why."""

    place: str
    text: str


class Gate(BaseModel):
    """The failing cases by what declares them."""

    new: list[str]
    baseline: list[str]
    expired: list[str]
    notes: list[Note]


class Topology(BaseModel):
    """One service in one topology."""

    name: str
    title: str
    support: Support
    verdict: Verdict | None
    verdicts: dict[Verdict, int]
    cases: list[str]


class Service(BaseModel):
    """One service."""

    name: str
    statement: str
    support: Support
    topologies: list[Topology]


class Cell(BaseModel):
    """One row of the draft for one service on one side; ``deciding`` are the cases that make it worse than *works*."""

    service: str
    side: Side
    state: State
    reason: str
    note: str
    cases: list[str]
    deciding: list[str]


class Row(BaseModel):
    """One row of the draft's tables."""

    plan: Plan
    client: Scenario
    proxy: Scenario | None
    server: Scenario
    cells: list[Cell]


class Table(BaseModel):
    """One of the draft's tables; ``not applicable`` names the services that are no party of its rows, and why."""

    section: str
    not_applicable: dict[str, str] = Field(alias="not applicable")
    rows: list[Row]


class Draft(BaseModel):
    """The draft whose tables are filled."""

    name: str
    date: str
    url: str
    tables: list[Table]


class Results(BaseModel):
    """The results of a run of dualstack."""

    schema_version: Literal[1] = Field(alias="schema")
    run: RunInfo
    summary: Summary
    gate: Gate
    services: list[Service]
    draft: Draft
    records: list[Record]


def results_schema() -> dict[str, Any]:
    """Return the JSON schema of results.json. Keys that it does not name may come with a later version."""
    schema = Results.model_json_schema(by_alias=True)
    assert schema["properties"]["schema"]["const"] == SCHEMA  # noqa: S101 - both are changed together
    of_records = {"const": RECORDS_SCHEMA, "description": "The version of the form of records and of run.json."}
    case = {"type": "string", "description": "What names the case: LISTEN-001:nginx/both:http@dual-stack."}
    for name, more in (("Record", {"schema": of_records, "case": case}), ("RunInfo", {"schema": of_records})):
        table = schema["$defs"][name]
        table["properties"] = {**more, **table["properties"]}
        table["required"] = [*more, *table.get("required", ())]
    return {"$schema": _DIALECT, "title": "results.json of dualstack"} | {
        key: value for key, value in schema.items() if key != "title"
    }
