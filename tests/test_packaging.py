"""The wheel is the tool: it carries the content under one name, adds nothing else, and finds the same cases."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from dualstack.cli.manual import topics

ROOT = Path(__file__).resolve().parents[1]
CONTENT = ("suites", "fixtures", "topologies", "reports", "conftest.py")
PRODUCTS = re.compile(r"(^|/)(build|__pycache__|\.[a-z_]+_cache)/|\.(pyc|o|so)$")
"""Paths of what a compiler or a tool makes, which belong to one machine."""

REFERENCE = "fixtures/services/reference/echo.toml"


def run(command: Sequence[str | Path], cwd: Path = ROOT) -> str:
    """Run a command and return what it prints; the test fails with its errors if it fails."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} exited with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def collected(python: str | Path, content: Path, cwd: Path) -> list[str]:
    """Return the ids of the tests that a Python, started in ``cwd``, finds for the reference service."""
    command: list[str | Path] = [python, "-m", "pytest", content / "suites", "--collect-only", "--quiet"]
    command += ["--dualstack-service", content / REFERENCE, f"--rootdir={content}", f"--confcutdir={content}"]
    command += [f"--config-file={content / 'suites' / 'pytest.ini'}", "-p", "no:xdist"]
    return sorted(line for line in run(command, cwd).splitlines() if "::" in line)


def names_in(archive: Path) -> list[str]:
    """Return the names of the files in a wheel."""
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def build(source: Path, folder: Path) -> Path:
    """Build a wheel of ``source`` into ``folder`` and return it."""
    run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source])
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, built from the checkout."""
    folder = tmp_path_factory.mktemp("sdist")
    run([sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder])
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a clean virtual environment into which the wheel is installed, as a user does it."""
    folder = tmp_path_factory.mktemp("clean") / "a venv with ümläuts"
    venv.create(folder, with_pip=True)
    # PIP_CONSTRAINT and -c split their value at spaces in some versions of pip, so the file is named relatively.
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", "constraints.txt", wheel])
    return folder


def test_wheel_adds_one_package(wheel: Path) -> None:
    """Site-packages gains ``dualstack`` and its metadata, and no other top-level name."""
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert "dualstack" in tops
    assert {re.sub(r"-[0-9].*\.dist-info$", "", name) for name in tops} == {"dualstack"}


def test_wheel_holds_the_content(wheel: Path) -> None:
    """Every file of the content folders that is under version control is in the wheel, under ``dualstack/content``."""
    tracked = run(["git", "ls-files", "-z", "--", *CONTENT]).split("\0")[:-1]
    assert len(tracked) > len(CONTENT)
    present = [name for name in tracked if (ROOT / name).exists()]
    assert {f"dualstack/content/{name}" for name in present} <= set(names_in(wheel))


def test_wheel_holds_the_manual(wheel: Path) -> None:
    """Each page that ``dualstack help`` shows is in the wheel, and no other page of a checkout."""
    pages = {path.relative_to(ROOT).as_posix() for path in topics().values()}
    assert {"docs/manifest.md", "SECURITY.md"} <= pages
    tops = re.compile(r"^dualstack/content/((docs/)?[^/]+\.md)$")
    assert {match[1] for name in names_in(wheel) if (match := tops.match(name))} == pages


def test_wheel_holds_no_products(wheel: Path) -> None:
    """Nothing that was compiled on the building machine is in the wheel."""
    assert [name for name in names_in(wheel) if PRODUCTS.search(name)] == []


def test_wheel_of_the_sdist(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """The source distribution builds the same wheel as the checkout."""
    assert sorted(names_in(build(sdist, tmp_path / "again"))) == sorted(names_in(wheel))


def test_sdist_holds_what_the_readme_links_to(sdist: Path) -> None:
    """Each relative link of the README leads to a file, or a folder with files, of the source distribution."""
    with tarfile.open(sdist) as opened:
        names = [name.partition("/")[2] for name in opened.getnames()]
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    linked = {target for target in targets if not target.startswith("https://")}
    assert len(linked) > 10
    assert [item for item in linked if not any(f"{name}/".startswith(f"{item}/") for name in names)] == []


def test_content_of_an_installed_wheel(clean: Path, tmp_path: Path) -> None:
    """``dualstack.content.ROOT`` of an installed wheel is its own folder, and it holds the content."""
    python = clean / "bin" / "python"
    root = Path(run([python, "-c", "from dualstack.content import ROOT; print(ROOT)"], tmp_path).strip())
    assert root.is_relative_to(clean)
    assert (root.parent.name, root.name) == ("dualstack", "content")
    assert [name for name in CONTENT if not (root / name).exists()] == []
    assert [name for name in CONTENT if (root.parents[1] / name).exists()] == []


def test_installed_wheel_finds_the_same_cases(clean: Path, tmp_path: Path) -> None:
    """A clean environment collects the same test ids as the checkout."""
    python = clean / "bin" / "python"
    root = Path(run([python, "-c", "from dualstack.content import ROOT; print(ROOT)"], tmp_path).strip())
    ours = collected(sys.executable, ROOT, tmp_path)
    assert len(ours) > 20
    assert collected(python, root, tmp_path) == ours


def test_installed_wheel_shows_its_manual(clean: Path, tmp_path: Path) -> None:
    """The installed command shows the page that the first line of ``dualstack init`` names, outside of the checkout."""
    run([clean / "bin" / "dualstack", "init"], tmp_path)
    named = re.search(r'"dualstack help (\w+)"', (tmp_path / "service.toml").read_text(encoding="utf-8"))
    assert named is not None
    shown = run([clean / "bin" / "dualstack", "help", named[1]], tmp_path)
    assert shown == (ROOT / "docs" / f"{named[1]}.md").read_text(encoding="utf-8")


def test_installed_wheel_verifies_a_service(clean: Path, tmp_path: Path) -> None:
    """The installed command verifies a service, from a folder that is not the checkout."""
    manifest = Path(run([clean / "bin" / "python", "-c", "from dualstack.content import ROOT; print(ROOT)"]).strip())
    command: list[str | Path] = [clean / "bin" / "dualstack", "run", manifest / REFERENCE]
    command += ["--requirement", "LISTEN-001", "--topology", "dual-stack", "--results", tmp_path / "results"]
    run(command, tmp_path)
    assert (tmp_path / "results" / "latest" / "report.html").stat().st_size > 1000


def test_installed_wheel_takes_suites_from_outside(clean: Path, tmp_path: Path) -> None:
    """The installed command verifies services with the example's suites and protocol: by folder, then as a package."""
    example = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "own_suites", example)
    command: list[str | Path] = [clean / "bin" / "dualstack", "run", "--requirement", "SHOP", example / "service.toml"]
    stock: list[str | Path] = [clean / "bin" / "dualstack", "run", "--topology", "dual-stack", example / "stock.toml"]
    stock += ["--requirement", "LISTEN-001", "--requirement", "CONNECT-001", "--results", tmp_path / "stock"]
    for words in (command, stock):
        run([*words, "--suites", example / "shop_suites"], tmp_path)
    # Without dependencies: "dualstack" is the wheel that is installed, and on no index.
    run([clean / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", build(example, tmp_path)])
    try:
        shutil.rmtree(example / "shop_suites")
        for words in (command, stock):
            run(words, tmp_path)
        listed = json.loads(run([clean / "bin" / "dualstack", "list", "--json"], tmp_path))
        assert {"SHOP-001", "SHOP-002"} <= {row["id"] for row in listed}
    finally:
        run([clean / "bin" / "python", "-m", "pip", "uninstall", "--quiet", "--yes", "shop-suites"])
    for results, names in (("dualstack-results", {"SHOP-001", "SHOP-002"}), ("stock", {"LISTEN-001", "CONNECT-001"})):
        for folder in (tmp_path / results).glob("*Z-*"):
            lines = (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
            verdicts = {(item["requirement"], item["verdict"]) for item in map(json.loads, lines)}
            assert verdicts == {(name, "pass") for name in names}
