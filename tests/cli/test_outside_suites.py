"""Suites from outside: listed and explained like ours, and refused with the file that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.content import ROOT
from dualstack.suites import requirements
from dualstack.topology import topology_names

Command = Callable[..., CompletedProcess[str]]

EXAMPLE = ROOT / "examples" / "own_suites"

TEST = """\
from dualstack.testing import Level, ListenerWorld, Requirement, Role


@Requirement(
    id="{id}",
    title="a title",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="An obligation.",
    stimulus="What is done.",
    wire="What packets show.",
    cites=("RFC 1 §1",),
    topologies=("{topology}",),
    causes=("{cause}",),
).attach
def test_it(world: ListenerWorld) -> None:
    world.start()
"""


def write(folder: Path, name: str, id: str = "TEAM-001", topology: str = "dual-stack", cause: str = "RC-MTU") -> Path:  # noqa: A002 - the key
    """Write a file of a suite and return it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEST.format(id=id, topology=topology, cause=cause), encoding="utf-8")
    return path


def refusal(done: CompletedProcess[str]) -> str:
    """Return the one line that a command printed which was refused."""
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("dualstack: ").rstrip("\n")


def test_listed(dualstack: Command) -> None:
    """The list has their requirements beside ours, each with its suite, and their topologies."""
    done = dualstack("list", "--json", "--suites", EXAMPLE / "shop_suites")
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert set(rows) - set(requirements()) == {"SHOP-001", "SHOP-002"}
    assert {rows[name]["suite"] for name in ("SHOP-001", "SHOP-002")} == {"answers", "addresses"}
    done = dualstack("list", "--json", "--topologies", "--suites", EXAMPLE / "shop_suites")
    assert {row["name"] for row in json.loads(done.stdout)} - set(topology_names()) == {"five-addresses"}


def test_only_their_suite(dualstack: Command) -> None:
    """A suite of theirs can be chosen by the name of its folder."""
    done = dualstack("list", "--json", "--suites", EXAMPLE / "shop_suites", "--suite", "answers")
    assert [row["id"] for row in json.loads(done.stdout)] == ["SHOP-001"]


def test_suite_with_the_name_of_a_built_in_one(dualstack: Command, tmp_path: Path) -> None:
    """Its requirements are added to that suite."""
    write(tmp_path / "team", "listen/test_web.py")
    rows = json.loads(dualstack("list", "--json", "--suites", "team", "--suite", "listen").stdout)
    assert {row["id"] for row in rows} - set(requirements(["listen"])) == {"TEAM-001"}
    assert set(requirements(["listen"])) < {row["id"] for row in rows}


def test_explained(dualstack: Command) -> None:
    """Their requirement is explained with their folder, and unknown without."""
    assert "Shop handbook" in dualstack("explain", "--suites", EXAMPLE / "shop_suites", "shop-001").stdout
    assert refusal(dualstack("explain", "shop-001")).startswith("no requirement 'shop-001'")


def test_checked(dualstack: Command) -> None:
    """A manifest can name their requirements and topologies, and their cases are counted."""
    manifest = EXAMPLE / "service.toml"
    counts = [
        int(dualstack("check", manifest, *words).stdout.partition(" of ")[0].rpartition(" ")[2])
        for words in ([], ["--suites", EXAMPLE / "shop_suites"])
    ]
    assert counts[1] == counts[0] + 2


def test_known_issue_of_theirs(dualstack: Command, tmp_path: Path) -> None:
    """A ``[[known]]`` entry for a requirement of theirs is right with their folder, and wrong without it."""
    entry = (
        '\n[[known]]\nreason = "will be repaired later"\nrequirement = "SHOP-002"\ntopologies = ["five-addresses"]\n'
    )
    manifest = tmp_path / "service.toml"
    text = (EXAMPLE / "service.toml").read_text(encoding="utf-8").replace("shop.py", str(EXAMPLE / "shop.py"))
    manifest.write_text(text + entry, encoding="utf-8")
    assert dualstack("check", manifest, "--suites", EXAMPLE / "shop_suites").returncode == 0
    assert "found 'SHOP-002', which does not exist" in refusal(dualstack("check", manifest))


def test_several_folders(dualstack: Command, tmp_path: Path) -> None:
    """The option can be repeated; a folder that is named twice counts once, and hidden folders are left out."""
    for number in (1, 2):
        write(tmp_path / f"team-{number}", "web/test_web.py", id=f"TEAM-00{number}")
    write(tmp_path / "team-1", ".venv/test_other.py", id="OTHER-001")
    words = [word for name in ("team-1", "team-2", "team-1/../team-1") for word in ("--suites", name)]
    rows = json.loads(dualstack("list", "--json", *words).stdout)
    assert {row["id"] for row in rows} - set(requirements()) == {"TEAM-001", "TEAM-002"}


def test_id_that_is_ours(dualstack: Command, tmp_path: Path) -> None:
    """An id that exists is refused; both files are named."""
    path = write(tmp_path / "team", "test_web.py", id="LISTEN-001")
    ours = ROOT / "suites" / "listen" / "test_reachability.py"
    assert refusal(dualstack("list", "--suites", "team")) == (
        f"{path}: LISTEN-001 is declared twice, first in {ours}; give one of them another id"
    )


def test_id_that_is_another_teams(dualstack: Command, tmp_path: Path) -> None:
    """The same between two folders from outside."""
    paths = [write(tmp_path / name, "test_web.py") for name in ("one", "two")]
    text = refusal(dualstack("list", "--suites", "one", "--suites", "two"))
    assert text == f"{paths[1]}: TEAM-001 is declared twice, first in {paths[0]}; give one of them another id"


def test_topology_that_is_ours(dualstack: Command, tmp_path: Path) -> None:
    """A topology with the name of a built-in one is refused; both files are named."""
    write(tmp_path / "team", "test_web.py")
    ours = ROOT / "topologies" / "ipv6-only.toml"
    path = tmp_path / "team" / "topologies" / "ipv6-only.toml"
    path.parent.mkdir()
    path.write_bytes(ours.read_bytes())
    assert refusal(dualstack("list", "--topologies", "--suites", "team")) == (
        f"{path}: a topology of this name exists already, in {ours}: rename the file"
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"topology": "dual-stck"}, "TEAM-001: no topology 'dual-stck'; did you mean 'dual-stack'?"),
        ({"cause": "RC-MUT"}, "TEAM-001: no cause 'RC-MUT'; did you mean 'RC-MTU'?"),
    ],
)
def test_names_what_does_not_exist(dualstack: Command, tmp_path: Path, names: dict[str, str], message: str) -> None:
    """A topology or cause that does not exist is refused with the file, and with the nearest."""
    path = write(tmp_path / "team", "test_web.py", **names)
    assert refusal(dualstack("list", "--suites", "team")) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nimport nowhere\n", ":2: cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        ("def test(:\n", ": cannot be imported: SyntaxError: "),
        (
            TEST.format(id="team-1", topology="dual-stack", cause="RC-MTU"),
            ": 'team-1' is not a requirement id",
        ),
        (TEST.replace("    causes=", "    case=").format(id="T-001", topology="dual-stack", cause=""), "'case'"),
    ],
    ids=["import", "syntax", "id", "key"],
)
def test_file_that_is_wrong(dualstack: Command, tmp_path: Path, text: str, message: str) -> None:
    """A file that cannot be imported is named, with the line where it is known."""
    path = tmp_path / "team" / "test_web.py"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    found = refusal(dualstack("list", "--suites", "team"))
    assert found.startswith(str(path))
    assert message in found


def test_folder_without_a_requirement(dualstack: Command, tmp_path: Path) -> None:
    """A folder that declares nothing, or does not exist, is refused."""
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "test_plain.py").write_text("def test_it(): pass\n", encoding="utf-8")
    text = refusal(dualstack("list", "--suites", "team"))
    assert text == f"{tmp_path / 'team'}: no file test_*.py in this folder declares a requirement"
    assert refusal(dualstack("list", "--suites", "tema")) == "tema: no such folder; --suites names a folder of suites"
