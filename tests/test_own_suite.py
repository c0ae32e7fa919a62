"""A team's own tests can use the fixtures, and the suites are plain pytest."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.results import read_records
from tests.report.conftest import page_text

EXAMPLE = ROOT / "examples" / "own_suites"
REFERENCE = ROOT / "fixtures" / "services" / "reference"


def example(language: str, number: int = 0) -> str:
    """Return an example of docs/pytest.md."""
    text = (ROOT / "docs" / "pytest.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found[number]


def dualstack(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in ``folder``."""
    command = [sys.executable, "-P", "-m", "dualstack", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def verdicts(folder: Path) -> dict[str, str]:
    """Return the verdict of each requirement of the newest run in ``folder``."""
    records = read_records(folder / "dualstack-results" / "latest")
    return {record.requirement: record.verdict.value for record in records}


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in ``folder`` as a team would."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_documented_example_works(tmp_path: Path) -> None:
    """The conftest and the test of docs/pytest.md pass with the reference service, and fail with a broken one."""
    (tmp_path / "conftest.py").write_text(example("python"), encoding="utf-8")
    (tmp_path / "test_shop.py").write_text(example("python", 1), encoding="utf-8")
    shutil.copy(REFERENCE / "echo.py", tmp_path)
    manifest = (REFERENCE / "echo.toml").read_text(encoding="utf-8")
    listens = manifest.split("[[connect]]")[0].replace("port = 7007", "port = 8080")
    server = """
import socket, sys
with socket.create_server((sys.argv[1], 8080), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as s:
    while True:
        c = s.accept()[0]
        c.recv(4096)
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
        c.close()
"""
    (tmp_path / "echo.py").write_text(server, encoding="utf-8")
    for address, code in (("::", 0), ("0.0.0.0", 1)):
        text = listens.replace('"--bind", "{bind}", "--port", "{port}", "--acl", "{acl}"', f'"{address}"').split(
            "[listen.bind]"
        )[0]
        (tmp_path / "service.toml").write_text(text, encoding="utf-8")
        done = run_pytest(tmp_path)
        assert done.returncode == code, done.stdout + done.stderr


def test_the_suites_are_plain_pytest(tmp_path: Path) -> None:
    """Pytest itself runs a suite on a service, writes the reports, and says where they are."""
    arguments = ["--dualstack-service", str(REFERENCE / "echo.toml"), "--dualstack-topology", "ipv6-only"]
    done = run_pytest(tmp_path, str(ROOT / "suites"), f"--rootdir={ROOT}", f"--confcutdir={ROOT}", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = tmp_path.glob("dualstack-results/*Z-*/report.html")
    assert str(report) in done.stdout


def test_the_suites_without_a_service_do_nothing(tmp_path: Path) -> None:
    """Without a service nothing is run and nothing is written."""
    done = run_pytest(tmp_path, str(ROOT / "suites"), f"--rootdir={ROOT}", f"--confcutdir={ROOT}")
    assert "passed" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_run_with_suites_from_outside(tmp_path: Path) -> None:
    """The example's service passes the example's suites, beside ours, on our topologies and its own."""
    shutil.copytree(EXAMPLE, tmp_path / "shop")
    words = ["run", "--suites", "shop/shop_suites", "--requirement", "SHOP", "--requirement", "START", "-n", "2"]
    done = dualstack(tmp_path, *words, "shop/service.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(tmp_path) == {"START-001": "pass", "SHOP-001": "pass", "SHOP-002": "pass"}


def test_a_service_that_breaks_a_requirement_from_outside(tmp_path: Path) -> None:
    """It fails, is shown in the report, and the command that the record names judges the same case again."""
    shutil.copytree(EXAMPLE, tmp_path / "shop")
    manifest = tmp_path / "shop" / "service.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"shop.py"]', '"shop.py", "--differ"]'), encoding="utf-8")
    done = dualstack(tmp_path, "run", "--suites", "shop/shop_suites", "--suite", "answers", "shop/service.toml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdicts(tmp_path) == {"SHOP-001": "fail"}
    assert "Shop handbook" in page_text(tmp_path / "dualstack-results" / "latest" / "report.html")
    (record,) = read_records(tmp_path / "dualstack-results" / "latest")
    assert "--suites shop/shop_suites" in record.rerun
    again = dualstack(tmp_path, *record.rerun.split()[1:])
    assert again.returncode == 1, again.stdout + again.stderr
    assert verdicts(tmp_path) == {"SHOP-001": "fail"}


def test_where_suites_from_outside_may_be(tmp_path: Path) -> None:
    """Folders that pytest would not search lead to them; a conftest.py and other tests on the way are not run."""
    folder = tmp_path / ".ci" / "build"
    shutil.copytree(EXAMPLE, folder)
    for path in (tmp_path, folder, folder / "shop_suites"):
        (path / "conftest.py").write_text("raise RuntimeError('not wanted')\n", encoding="utf-8")
        (path / "pytest.ini").write_text("[pytest]\naddopts = --nonsense\n", encoding="utf-8")
    (folder / "test_other.py").write_text("raise RuntimeError('not wanted')\n", encoding="utf-8")
    done = dualstack(folder, "run", "--suites", "shop_suites", "--requirement", "SHOP-001", "service.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(folder) == {"SHOP-001": "pass"}


def test_plain_pytest_with_suites_from_outside(tmp_path: Path) -> None:
    """Pytest itself runs such a suite; the report has its requirements."""
    folder = tmp_path / "shop"
    shutil.copytree(EXAMPLE, folder)
    (folder / "conftest.py").write_text(example("python"), encoding="utf-8")
    words = ["shop_suites", "--dualstack-service", "service.toml", "--dualstack-suites", "shop_suites"]
    done = run_pytest(folder, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(folder) == {"SHOP-001": "pass", "SHOP-002": "pass"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_with_a_protocol_from_outside(tmp_path: Path, workers: str) -> None:
    """The example's server and client are verified in the example's protocol: both ends, over both families."""
    shutil.copytree(EXAMPLE, tmp_path / "shop")
    words = ["run", "--suites", "shop/shop_suites", "-n", workers, "--topology", "dual-stack"]
    words += [word for name in ("START", "LISTEN-001", "CONNECT-001") for word in ("--requirement", name)]
    done = dualstack(tmp_path, *words, "shop/stock.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(tmp_path) == {"START-001": "pass", "LISTEN-001": "pass", "CONNECT-001": "pass"}
    (case,) = (tmp_path / "dualstack-results" / "latest" / "cases").glob("LISTEN-001*")
    assert b"STOCK " in (case / "capture.pcap").read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "listens", "connects"),
    [
        ('b"OK "', 'b"NO "', "fail", "pass"),
        ('b"STOCK 4711', 'b"PRICE 4711', "pass", "inconclusive"),
    ],
)
def test_services_that_break_a_protocol_from_outside(
    tmp_path: Path, old: str, new: str, listens: str, connects: str
) -> None:
    """A wrong answer is a failure of the listener. A client that the server does not understand is inconclusive."""
    shutil.copytree(EXAMPLE, tmp_path / "shop")
    program = tmp_path / "shop" / "stock.py"
    program.write_text(program.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    words = ["run", "--suites", "shop/shop_suites", "--topology", "dual-stack", "-n", "1"]
    words += ["--requirement", "LISTEN-001", "--requirement", "CONNECT-001"]
    dualstack(tmp_path, *words, "shop/stock.toml")
    assert verdicts(tmp_path) == {"LISTEN-001": listens, "CONNECT-001": connects}


def test_plain_pytest_with_a_protocol_from_outside(tmp_path: Path) -> None:
    """Pytest itself runs our suites on a service of such a protocol."""
    shutil.copytree(EXAMPLE, tmp_path / "shop")
    words = [str(ROOT / "suites" / "listen" / "test_reachability.py"), f"--rootdir={ROOT}", f"--confcutdir={ROOT}"]
    words += ["--dualstack-service", "shop/stock.toml", "--dualstack-suites", "shop/shop_suites"]
    done = run_pytest(tmp_path, *words, "--dualstack-topology", "dual-stack", "--dualstack-requirement", "LISTEN-001")
    assert done.returncode == 0, done.stdout + done.stderr
    assert verdicts(tmp_path) == {"LISTEN-001": "pass"}
