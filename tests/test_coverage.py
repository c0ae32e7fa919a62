"""The checks of each claim in docs/coverage.toml exist, and docs/coverage.md is generated from it.

``python tests/test_coverage.py`` writes the page.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.suites import requirements

DATA = ROOT / "docs" / "coverage.toml"
PAGE = DATA.with_suffix(".md")
SERVICES = ROOT / "fixtures" / "services"

HEAD = """\
# Coverage

What six sources claim about IPv4, IPv6 and sockets, and what checks each claim: requirements
(`dualstack explain ID`), tests of this repository, and services that show it. A claim with checks and a reason is
checked in part; a claim with only a reason is not checked, and the reason says why. Where the checks show that a claim
is wrong, the page says in bold what is true instead.

This page is generated from [coverage.toml](coverage.toml) by `python tests/test_coverage.py`.
"""

_IDS = re.compile(r"(?:[MRUKL]\d+(?:(?:-| to )[MRUKL]\d+)?(?:, | and )?)+(?=:| is )")
_RANGE = re.compile(r"([MRUKL])(\d+)(?:(?:-| to )[MRUKL](\d+))?")


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        id: As the tests' docstrings name it: ``M20``.
        claim: The claim, in our words.
        requirements: The requirements that check it.
        tests: Files of tests, or tests: ``tests/prober/test_binding.py::test_every_pair``.
        subjects: Services that show it, right or wrong: ``zoo/two-ports``.
        reason: Why it is not checked, or only in part.
        found: What is true instead, if the checks show that the claim is wrong.
    """

    id: str
    claim: str
    requirements: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    reason: str = ""
    found: str = ""

    @property
    def status(self) -> str:
        """How far it is checked: ``checked``, ``in part`` or ``not``."""
        if not self.tests and not set(self.requirements) & set(requirements()):
            return "not"
        return "in part" if self.reason else "checked"


def load() -> dict[str, list[Claim]]:
    """Return the claims by source."""
    data = tomllib.loads(DATA.read_text(encoding="utf-8"))
    return {
        source["title"]: [
            Claim(**claim | {key: tuple(claim.get(key, ())) for key in ("requirements", "tests", "subjects")})
            for claim in source["claim"]
        ]
        for source in data["source"]
    }


def claims() -> list[Claim]:
    """Return every claim."""
    return [claim for own in load().values() for claim in own]


def render() -> str:
    """Return the page."""
    sources = load()
    lines = [HEAD, "| source | claims | checked | in part | not |", "|---|---|---|---|---|"]
    for title, own in [*sources.items(), ("**together**", claims())]:
        counts = [sum(claim.status == status for claim in own) for status in ("checked", "in part", "not")]
        lines.append(" | ".join(["| " + title, str(len(own)), *map(str, counts)]) + " |")
    for title, own in sources.items():
        lines += [f"\n## {title}\n", "| | claim | checked by |", "|---|---|---|"]
        lines += [f"| {claim.id} | {claim.claim} | {_by(claim)} |" for claim in own]
    return "\n".join(lines) + "\n"


def _by(claim: Claim) -> str:
    """Return the checks of a claim, and the reason if it is not fully checked."""
    parts = list(claim.requirements)
    parts += [f"[{test.rpartition('::')[2].rpartition('/')[2]}](../{test.partition('::')[0]})" for test in claim.tests]
    parts += [f"[{subject}](../fixtures/services/{subject}.toml)" for subject in claim.subjects]
    return ". ".join(
        part for part in (", ".join(parts), f"**{claim.found}**" * bool(claim.found), claim.reason) if part
    )


@cache
def checks_in(path: Path) -> dict[str, str]:
    """Return the tests of a file, with their docstrings."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return {node.name: ast.get_docstring(node) or "" for node in found}


def missing(claim: Claim) -> Iterator[str]:
    """Yield what a claim names but does not exist."""
    yield from (item for item in claim.requirements if item not in requirements())
    yield from (item for item in claim.subjects if not (SERVICES / f"{item}.toml").is_file())
    for test in claim.tests:
        file, _, name = test.partition("::")
        if not (ROOT / file).is_file() or (name and name not in checks_in(ROOT / file)):
            yield test


def claimed_by(docstring: str) -> list[str]:
    """Return the claims at the beginning of a test's docstring: ``M26-M28, L6: …``, ``L19 is wrong: …``."""
    head = _IDS.match(docstring)
    return [
        f"{found[1]}{number}"
        for found in _RANGE.finditer(head[0] if head else "")
        for number in range(int(found[2]), int(found[3] or found[2]) + 1)
    ]


def test_the_page_is_up_to_date() -> None:
    """The page matches its data; ``python tests/test_coverage.py`` writes it."""
    assert PAGE.read_text(encoding="utf-8") == render()


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_a_claim_is_checked_or_says_why_not(claim: Claim) -> None:
    """Each claim names only what exists, and has a check or a reason."""
    assert not list(missing(claim))
    assert claim.claim.endswith(".")
    assert claim.requirements or claim.tests or claim.reason
    assert all(text.endswith(".") for text in (claim.reason, claim.found) if text)


def test_what_does_not_exist_is_found() -> None:
    """A requirement, a subject, a test file and a test that do not exist are each found."""
    here = "tests/test_coverage.py"
    wrong = ("LISTEN-404", "tests/test_nothing.py", f"{here}::test_nothing", "zoo/nothing")
    claim = Claim("M1", "x.", wrong[:1], (*wrong[1:3], f"{here}::test_what_does_not_exist_is_found", here), wrong[3:])
    assert set(missing(claim)) == set(wrong)
    assert Claim("M1", "x.", ("LISTEN-404",)).status == "not"


def known_in(subject: str) -> set[str]:
    """Return the requirements that a service of the zoo is known to break."""
    manifest = tomllib.loads((SERVICES / f"{subject}.toml").read_text(encoding="utf-8"))
    named = (known["requirement"] for known in manifest["known"])
    return {item for one in named for item in (one if isinstance(one, list) else [one])}


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.id)
def test_a_service_of_the_zoo_shows_the_claim(claim: Claim) -> None:
    """Each service of the zoo that a claim names breaks a requirement that the claim names, if it names any."""
    unfit = [
        item for item in claim.subjects if item.startswith("zoo/") and not known_in(item) & set(claim.requirements)
    ]
    assert not claim.requirements or unfit == []


def test_no_claim_stands_twice() -> None:
    """Every id belongs to one claim, and all claims of the five sources are there."""
    ids = [claim.id for claim in claims()]
    assert len(set(ids)) == len(ids)
    for letter, numbers in (("R", 13), ("U", 5), ("K", 10), ("L", 23)):
        assert [item for item in ids if item[0] == letter] == [f"{letter}{number}" for number in range(1, numbers + 1)]


def test_what_tests_say_is_what_the_data_says() -> None:
    """A test whose docstring begins with claims is listed at each of them."""
    named = {(claim.id, test) for claim in claims() for test in claim.tests}
    said = {
        (claim, f"{path.relative_to(ROOT)}::{name}")
        for path in (ROOT / "tests").rglob("test_*.py")
        for name, docstring in checks_in(path).items()
        for claim in claimed_by(docstring)
    }
    assert len(said) > 100
    assert said <= named


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
