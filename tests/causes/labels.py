"""The labelled set: the right first cause of each bug of the zoo, and the page that shows it.

``python -m tests.causes.labels`` writes docs/causes.md.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dualstack.causes import OWN_CAUSES_ONLY, cause
from dualstack.causes.across import settled
from dualstack.content import ROOT
from dualstack.results import Record
from dualstack.verdict import Verdict

DATA = Path(__file__).with_name("labels.toml")
PAGE = ROOT / "docs" / "causes.md"
ZOO = ROOT / "fixtures" / "services" / "zoo"

NONE = "none"
"""The value of `Label.cause` if no cause of the catalogue fits."""

RIGHT = 0.95
"""The minimum share of labelled cases whose first cause must be the right one."""

HEAD = """\
# The causes of known bugs

Each service of the [zoo](../fixtures/services/zoo) has one bug. The table names the right cause of each, found by
reading its source code. The exam runs the zoo and compares: for at least 95 of 100 reported failures the first cause
must be the right one, and no cause may be named that the facts contradict.

A report derives its causes from facts, and shows them: the results of the clients of each family (answered, refused,
ignored, accepted and closed), the socket table, how and when the service ended, the failures that its output reports,
ICMP errors, DNS queries, and connection attempts with their times. `src/dualstack/causes/rules.py` declares which facts
support each cause and which rule it out. If none fits, the report says that the cause is not known and shows the facts.

This page is generated from [labels.toml](../tests/causes/labels.toml) by `python -m tests.causes.labels`.

| service | requirement | cause | in its source |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Label:
    """The right first cause of a bug.

    Attributes:
        service: The service of the zoo, with its configuration if the label applies only to that.
        cause: The cause's code; `NONE` if the catalogue has none.
        why: What its source code shows, one sentence.
        requirement: The requirements that it applies to; empty for all that the manifest names.
        topologies: The topologies that it applies to; empty for all.
    """

    service: str
    cause: str
    why: str
    requirement: tuple[str, ...] = ()
    topologies: tuple[str, ...] = ()

    def fits(self, service: str, requirement: str, topology: str) -> bool:
        """Return whether it applies to a case."""
        return (
            self.service in {service, service.partition("/")[0]}
            and (not self.requirement or requirement in self.requirement)
            and (not self.topologies or topology in self.topologies)
        )


@cache
def load() -> tuple[Label, ...]:
    """Return the labels."""
    tables = tomllib.loads(DATA.read_text(encoding="utf-8"))["label"]
    lists = ("requirement", "topologies")
    return tuple(Label(**{**table, **{key: tuple(table.get(key, ())) for key in lists}}) for table in tables)


def label_of(service: str, requirement: str, topology: str) -> Label | None:
    """Return the label of a case; None if there is none."""
    return next((item for item in load() if item.fits(service, requirement, topology)), None)


def compare(records: Iterable[Record]) -> tuple[int, list[str]]:
    """Return how many failures of the zoo were compared, and a text for each whose first cause is wrong."""
    count, wrong = 0, []
    for record in settled(records):
        if record.verdict is not Verdict.KNOWN or record.requirement in OWN_CAUSES_ONLY:
            continue
        count += 1
        label = label_of(record.subject, record.requirement, record.topology)
        found = record.causes[0] if record.causes else NONE
        if label is None or found != label.cause:
            wrong.append(f"{record.case}: {found}, not {label.cause if label else 'labelled'}; facts: {record.facts}")
    return count, wrong


def render() -> str:
    """Return the page."""
    rows = []
    for item in load():
        about = ", ".join(item.requirement) or "all"
        about += f" on {', '.join(item.topologies)}" if item.topologies else ""
        link = f"[{item.service}](../fixtures/services/zoo/{item.service.partition('/')[0]}.toml)"
        named = "not known" if item.cause == NONE else f"{cause(item.cause).title} ({item.cause})"
        rows.append(f"| {link} | {about} | {named} | {item.why} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
