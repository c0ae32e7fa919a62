"""The suites' requirements: each is complete, checked by one test, and names only what exists."""

import ast
import re
from pathlib import Path
from types import ModuleType

import pytest

from dualstack.causes import load_causes
from dualstack.errors import HarnessError, UsageError
from dualstack.manifest import subjects_of
from dualstack.requirement import Level, Requirement
from dualstack.suites import SUITES, check_entries, requirement, requirements, suites
from dualstack.topology import topology_names

FILES = sorted(SUITES.rglob("test_*.py"))
REQUIREMENTS = list(requirements().values())

MANIFEST = """\
schema = 1
[service]
name = "made-up"
command = ["./server"]
[[listen]]
name = "main"
port = 8080
"""


def declared(path: Path) -> list[tuple[str, ast.FunctionDef]]:
    """Return the requirement ids of a suite's file in its source, each with the test that it decorates."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator.value if isinstance(decorator, ast.Attribute) and decorator.attr == "attach" else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Requirement":
                words = {item.arg: item.value for item in call.keywords}
                value = words["id"]
                assert isinstance(value, ast.Constant), "an id is a literal in the source, so that it can be found"
                found.append((str(value.value), node))
    return found


def test_source_and_import_agree() -> None:
    """The engine knows exactly what the sources declare, and nothing is declared twice."""
    ids = [found for path in FILES for found, _ in declared(path)]
    assert len(ids) >= 19
    assert sorted(ids) == list(requirements())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_test_of_a_suite_checks_one_requirement(path: Path) -> None:
    """Every test has exactly one requirement, a world and a docstring; every requirement is attached to a test."""
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    tests = [node.name for node in functions if node.name.startswith("test_")]
    assert tests
    assert sorted(node.name for _, node in declared(path)) == sorted(tests)
    for _, node in declared(path):
        assert ast.get_docstring(node), node.name
        assert "world" in [argument.arg for argument in node.args.args], node.name


@pytest.mark.parametrize("item", REQUIREMENTS, ids=lambda item: item.id)
def test_names_only_what_exists(item: Requirement) -> None:
    """Its topologies and root causes exist, and none is named twice."""
    assert set(item.topologies) <= set(topology_names())
    assert set(item.causes) <= set(load_causes())
    for names in (item.topologies, item.causes, item.needs, item.cites):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("item", REQUIREMENTS, ids=lambda item: item.id)
def test_can_be_read(item: Requirement) -> None:
    """Title, statement, stimulus and packets are sentences; citations name a document and, for an RFC, a section."""
    assert not item.title.endswith(".")
    assert len(item.title) <= 80
    for text in (item.statement, item.stimulus, item.wire):
        assert text[0].isupper()
        assert text.endswith(".")
        assert "  " not in text
    assert all(re.match(r"RFC \d+|draft-|[a-z0-9_]+\(\d\)|[A-Z]", source) for source in item.cites)
    assert not any(re.match(r"RFC \d+.*section", source) for source in item.cites)


IMPASSABLE = {"tunnel-6in4-single-stack"}
"""Topologies whose lab proofs show that nothing crosses them, so that no service can be verified there."""


def test_every_topology_is_used() -> None:
    """Every topology that packets can cross is used by a requirement."""
    assert {name for item in REQUIREMENTS for name in item.topologies} == set(topology_names()) - IMPASSABLE


def test_first_set_is_there() -> None:
    """The first set of requirements is complete."""
    groups = {"LISTEN": (1, 2, 3, 4, 5, 6, 9, 11), "CONNECT": (1, 2, 3, 4, 5, 7, 8), "INTEROP": (1, 2, 4, 5)}
    assert {f"{group}-{number:03}" for group, numbers in groups.items() for number in numbers} <= set(requirements())


def test_a_suite_is_a_folder() -> None:
    """Each folder is a suite with the folder's name, and together they have all requirements."""
    assert set(suites()) == {path.parent.name for path in FILES}
    for name, found in suites().items():
        ids = [item for path in (SUITES / name).glob("test_*.py") for item, _ in declared(path)]
        assert sorted(ids) == list(found) == list(requirements([name]))
    assert requirements(suites()) == requirements()


def test_unknown_suite_names_the_nearest() -> None:
    """For a suite that does not exist, the error lists the existing ones and the nearest match."""
    with pytest.raises(
        UsageError, match=r"no suite 'lisen' \(there are: advertise, connect, .*listen.*\); did you mean 'listen'\?"
    ):
        requirements(["connect", "lisen"])


@pytest.mark.parametrize("wanted", ["LISTEN-005", "listen-005", "Listen-005"])
def test_found_by_id(wanted: str) -> None:
    """An id is found in any case."""
    assert requirement(wanted).id == "LISTEN-005"


def test_unknown_id_names_the_nearest() -> None:
    """For an id that does not exist, the error names the nearest match and the command that lists all."""
    with pytest.raises(UsageError, match=r"no requirement 'lisen-005'; did you mean 'LISTEN-005'\? \(dualstack list"):
        requirement("lisen-005")
    with pytest.raises(UsageError, match=r"no requirement 'zzz' \(dualstack list shows them all\)"):
        requirement("zzz")


def test_one_requirement_in_two_tests_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tests cannot claim to check the same requirement."""
    (tmp_path / "suites").mkdir()
    for name in ("one", "two"):
        (tmp_path / "suites" / f"test_{name}.py").touch()

    def module(_: str) -> ModuleType:
        """Return a new suite that declares the same requirement each time."""
        made = ModuleType("suite")
        values = {name: getattr(REQUIREMENTS[0], name) for name in Requirement.__slots__}
        made.test_it = Requirement(**values).attach(lambda: None)  # type: ignore[attr-defined]  # a made-up module
        return made

    monkeypatch.setattr("dualstack.suites.ROOT", tmp_path)
    monkeypatch.setattr("dualstack.suites.SUITES", tmp_path / "suites")
    monkeypatch.setattr("importlib.import_module", module)
    with pytest.raises(HarnessError, match=f"test_two.py: {REQUIREMENTS[0].id} is declared twice"):
        suites()


def entries(tmp_path: Path, text: str) -> None:
    """Check a manifest with this text at its end."""
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST + text, encoding="utf-8")
    check_entries(subjects_of(path))


@pytest.mark.parametrize("table", ["known", "exemption"])
def test_entries_of_a_manifest(tmp_path: Path, table: str) -> None:
    """A manifest's exceptions and known issues must name requirements and topologies that exist."""
    head = f'[[{table}]]\nreason = "for a reason"\n'
    entries(tmp_path, head + 'requirement = "LISTEN-004"\ntopologies = ["ipv4-only-no-af-inet6"]\n')
    with pytest.raises(UsageError) as raised:
        entries(
            tmp_path, head + 'requirement = "LISTEN-404"\n' + head + 'requirement = "LISTEN-005"\ntopologies=["dual"]'
        )
    first, second = str(raised.value).split("\n" + str(tmp_path))
    assert f": {table}[0].requirement[0]: found 'LISTEN-404', which does not exist; did you mean 'LISTEN-" in first
    assert second.endswith(f": {table}[1].topologies[0]: found 'dual'; LISTEN-005 runs on: dual-stack-bindv6only")


def test_levels_are_used() -> None:
    """The requirements use MUST and SHOULD."""
    assert {Level.MUST, Level.SHOULD} <= {item.level for item in REQUIREMENTS}
