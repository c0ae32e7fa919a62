"""Every subject's manifest can be read, and what the zoo declares can be caught."""

from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.manifest import subjects_of
from dualstack.manifest.texts import filled
from dualstack.requirement import Level
from dualstack.suites import requirements
from dualstack.topology import topology_names

SERVICES = ROOT / "fixtures" / "services"
REFERENCE = sorted((SERVICES / "reference").glob("*.toml"))
ZOO = sorted((SERVICES / "zoo").glob("*.toml"))
NAMED = sorted(SERVICES.glob("named/*/*.toml"))
DOCUMENTS = {"msplib", "upper-single", "upper-fork", "upper-thread", "upper-udp"}
"""The reference programs in the documents' own form: what they fail is declared."""

every_manifest = pytest.mark.parametrize("path", [*REFERENCE, *ZOO], ids=lambda path: path.stem)


OTHERWISE = {"echo": "reference"} | {
    name: f"reference-{name}" for name in ("behind", "chassis", "directory", "fetch", "local")
}
"""The names of services that their files' names do not tell."""


@every_manifest
def test_manifest_is_named_as_its_file(path: Path) -> None:
    """A manifest can be read, its service is called as its file, and every topology that it names exists."""
    subject, *_ = subjects_of(path)
    assert subject.manifest.service.name == OTHERWISE.get(path.stem, path.stem)
    assert {name for known in subject.manifest.known for name in known.topologies} <= set(topology_names())


@every_manifest
def test_manifest_starts_what_is_there(path: Path) -> None:
    """What a manifest starts is a file beside it, or is compiled by its build command from the source beside it."""
    subject, *_ = subjects_of(path)
    commands = [list(item.command) for item in subject.manifest.connect]
    commands += [list(subject.command)] if subject.command else []
    assert commands
    for command in commands:
        program, *arguments = filled(command, {"python": "python"})
        if program == "python":
            script = next(item for item in arguments if item.endswith(".py"))
            assert (subject.directory / script).is_file()
        else:
            assert subject.manifest.service.build == [["make"]]
            assert "gcc" in subject.manifest.service.packages
            name = Path(program).name
            assert any((subject.directory / folder / f"{name}.c").is_file() for folder in ("", "msplib", "tutorial"))


@pytest.mark.parametrize("path", ZOO, ids=lambda path: path.stem)
def test_zoo_member_cites_its_bug(path: Path) -> None:
    """Each zoo member declares what it fails, with one report of the real bug that it reproduces, if there is one."""
    subject, *_ = subjects_of(path)
    urls = {known.url for known in subject.manifest.known}
    assert len(urls) == 1
    url = urls.pop()
    assert url is None or url.startswith("https://")


@pytest.mark.parametrize("path", REFERENCE, ids=lambda path: path.stem)
def test_only_the_documents_forms_fail(path: Path) -> None:
    """Among the reference services only the documents' own forms break a MUST; others may deviate from a SHOULD."""
    subject, *_ = subjects_of(path)
    broken = {requirement for known in subject.manifest.known for requirement in known.requirement}
    musts = {name for name in broken if requirements()[name].level is Level.MUST}
    assert bool(musts) == (path.stem in DOCUMENTS)


def test_zoo_is_complete() -> None:
    """Every requirement that judges is failed by a member of the zoo, a document's form or a named system, but for one.

    A confined service cannot send what SEC-005 is about: tests/lab/test_wire_addresses.py does.
    """
    known = [item for path in (*ZOO, *REFERENCE, *NAMED) for item in subjects_of(path)[0].manifest.known]
    broken = {requirement for item in known for requirement in item.requirement}
    observed = {name for name, item in requirements().items() if item.level is Level.OBSERVE}
    assert set(requirements()) - broken - observed == {"SEC-005"}
