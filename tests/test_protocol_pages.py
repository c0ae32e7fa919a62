"""docs/protocols.md: each section's part of a manifest is valid, and has cases of the requirements that it names."""

import re
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.protocols.registry import PROTOCOLS
from dualstack.suites import check_entries, requirements

PAGE = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
PLACEHOLDERS = {
    "[listen.bind]": ["{bind}"],
    "[listen.tls]": ["{certificate}", "{key}"],
    "trust = ": ["{trusted}"],
    "[[relay]]": ["{target}"],
}
"""What the command of a service must contain, by what the manifest has."""


def completed(text: str) -> str:
    """Return a part of a manifest with the table of the service before it."""
    if text.startswith("schema = 1"):
        return text
    words = ["./server", "{port}", *(word for sign, needed in PLACEHOLDERS.items() if sign in text for word in needed)]
    return f'schema = 1\n\n[service]\nname = "it"\ncommand = {words}\n\n{text}'


@pytest.mark.parametrize("name", SECTIONS)
def test_part_of_a_manifest_is_right(tmp_path: Path, name: str) -> None:
    """With the section's part a manifest is valid, and each requirement that the section says is checked has a case."""
    (text,) = re.findall(r"^```toml\n(.*?)^```$", SECTIONS[name], re.DOTALL | re.MULTILINE)
    path = tmp_path / "service.toml"
    path.write_text(completed(text), encoding="utf-8")
    subjects = subjects_of(path)
    check_entries(subjects)
    checked = re.search(r"[Cc]hecked: .*?(?=\n\n|\Z)", SECTIONS[name], re.DOTALL)
    named = set(re.findall(r"\b[A-Z]+-\d{3}\b", checked[0] if checked else ""))
    declared = requirements()
    assert named <= set(declared)
    cases = {name: plan_cases(declared[name], subjects) for name in named}
    assert {name for name, planned in cases.items() if all(case.not_applicable for case in planned)} == set()


def test_every_protocol_has_its_place() -> None:
    """The page names each protocol that a manifest can have, but the two that only our own services speak."""
    named = set(re.findall(r'"([a-z0-9-]+)"', PAGE))
    assert set(PROTOCOLS) - named == {"connect", "echo", "upper"}
