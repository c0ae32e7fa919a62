"""A baseline: the known issues of services in a file beside their manifests, most of them written by ``dualstack``.

Its entries are those of ``[[known]]`` in a manifest, and are joined with them before anything is planned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field

from dualstack.casekey import CaseKey
from dualstack.manifest.base import Table
from dualstack.manifest.known import Known
from dualstack.manifest.lines import line_of, lines_of
from dualstack.manifest.subject import Subject
from dualstack.manifest.toml import load_toml

Entry = TypeVar("Entry", bound=Known)


class Accepted(Known):
    """A known issue in a baseline. Unlike one of a manifest, it does not fail the run when it is fixed."""

    service: str = Field(
        min_length=1, description="The service: shop, all its configurations; shop/ipv4, one; with * and ?, several."
    )
    verdict: Literal["fail", "deviates"] = Field(
        "fail", description="What is accepted; deviates: not met is a recommendation only, so that a failure is new."
    )
    sometimes: bool = Field(True, description="false: the run fails when the issue is fixed, as with a manifest's.")

    def is_about(self, subject: str) -> bool:
        """Return whether it is about a service, given as in a case: ``shop/ipv4``."""
        return fnmatchcase(subject, self.service) or fnmatchcase(subject, f"{self.service}/*")

    def names(self, key: CaseKey) -> bool:
        """Return whether it is about a case."""
        return (
            self.is_about(key.subject)
            and key.requirement in self.requirement
            and (not self.topologies or key.topology in self.topologies)
            and (not self.elements or key.element in self.elements)
            and (not self.configurations or key.subject.partition("/")[2] in self.configurations)
        )

    def covers(self, verdict: str) -> bool:
        """Return whether it accepts a case that has this verdict without it."""
        return verdict != "fail" or self.verdict == "fail"


class Baseline(Table):
    """The file as a whole."""

    schema_version: Literal[1] = Field(alias="schema", description="The version of this format: 1.")
    known: list[Accepted] = Field([], description="The accepted failures.")


def load_baseline(path: Path) -> tuple[Accepted, ...]:
    """Return the entries of a baseline, each with its place.

    Raises:
        UsageError: The file cannot be read, is not TOML, or is not a baseline; every fault is reported.
    """
    entries = load_toml(path, Baseline).known
    return tuple(_placed(path, entries))


def joined(subject: Subject, baseline: Sequence[Accepted]) -> Subject:
    """Return a subject whose known issues have their places, and are followed by those that a baseline has for it."""
    own = _placed(subject.path, subject.manifest.known)
    more = [entry for entry in baseline if entry.is_about(subject.name)]
    return replace(subject, manifest=subject.manifest.model_copy(update={"known": [*own, *more]}))


def _placed(path: Path, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries of a file's ``[[known]]``, each with its place."""
    found = list(entries)
    lines = lines_of(path.read_text(encoding="utf-8")) if found else {}
    return [entry.at(f"{path}:{line_of(('known', place), lines)}") for place, entry in enumerate(found)]
