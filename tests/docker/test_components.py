"""A service of several programs in a docker lab: each component is a separate container on the service's host."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.labels import RUN
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.results import Record, read_records
from dualstack.verdict import Verdict

COUNTER = ROOT / "fixtures" / "services" / "reference" / "counter.toml"
CASES = ("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-004", "LISTEN-009", "LIFE-001")


@pytest.fixture
def images(engine: Engine) -> None:
    """Have the base image that the reference names."""
    from dualstack.rootfs.images import build_bases  # noqa: PLC0415 - loads the SDK

    build_bases()
    assert engine.version


def run(manifest: Path, folder: Path, *requirements: str) -> dict[str, Record]:
    """Verify a service in a docker lab; return the records by requirement and topology."""
    command = [sys.executable, "-m", "dualstack", "run", "--lab", "docker", "-n", "1", "--results", str(folder)]
    command += [word for item in requirements for word in ("--requirement", item)]
    done = subprocess.run([*command, str(manifest)], capture_output=True, text=True, check=False)
    assert (folder / "latest").exists(), done.stdout + done.stderr
    return {f"{item.requirement}@{item.topology}": item for item in read_records(folder / "latest")}


@pytest.mark.usefixtures("images")
def test_a_service_with_a_store_is_verified(engine: Engine, tmp_path: Path) -> None:
    """Its cases pass, the store starts first and stops last, each socket has its owner, and no container is left."""
    records = run(COUNTER, tmp_path, *CASES)
    assert {case: item.reason for case, item in records.items() if item.verdict is not Verdict.PASS} == {}
    assert len(records) >= len(CASES)
    record = records["LISTEN-001@dual-stack"]
    assert {(row.port, row.component, row.owner) for row in record.sockets} == {
        (7017, "", "service(container)"),
        (6379, "store", "store(container)"),
    }
    steps = [step.what.partition(":")[0] for step in record.steps if step.what.startswith(("start ", "stop "))]
    assert steps == ["start component store", "start the service", "stop the service", "stop component store"]
    own = f"{RUN}={(tmp_path / 'latest').resolve().name}"
    assert engine.api.containers(all=True, filters={"label": own}) == []


@pytest.mark.usefixtures("images")
def test_a_store_that_ends_is_named(tmp_path: Path) -> None:
    """The failure is that of the component, with its output; the service is not started."""
    shutil.copy(COUNTER.with_name("counter.py"), tmp_path)
    text = COUNTER.read_text(encoding="utf-8").replace('"store", "{port}"]', '"nothing", "{port}"]')
    manifest = tmp_path / "counter.toml"
    manifest.write_text(text, encoding="utf-8")
    record = run(manifest, tmp_path / "results", "START-001")["START-001@dual-stack"]
    assert record.verdict is Verdict.FAIL
    assert "component store does not start: it exited with code 1" in record.reason
    assert "usage: counter.py" in record.component_logs["store"]
    assert not any(step.what.startswith("start the service") for step in record.steps)


@pytest.mark.usefixtures("images")
def test_a_component_may_have_an_image_of_its_own(tmp_path: Path) -> None:
    """It runs in that image, not in the service's; an image that does not exist is a usage error with its key."""
    shutil.copy(COUNTER.with_name("counter.py"), tmp_path)
    own = f'image = "{PYTHON_BASE}"\ncommand = ["{{python}}", "-m", "http.server", "{{port}}", "--bind", "::1"]'
    text = re.sub(r"(?<=name = \"store\"\n)command = .*", own, COUNTER.read_text(encoding="utf-8"))
    manifest = tmp_path / "counter.toml"
    manifest.write_text(text, encoding="utf-8")
    record = run(manifest, tmp_path / "results", "START-001")["START-001@dual-stack"]
    assert record.verdict is Verdict.PASS, record.reason
    manifest.write_text(text.replace(f'image = "{PYTHON_BASE}"', 'image = "dualstack-test/none"'), encoding="utf-8")
    command = [sys.executable, "-m", "dualstack", "run", "--lab", "docker", "--results", str(tmp_path), str(manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done
    assert "component[0].image: found 'dualstack-test/none'" in done.stdout + done.stderr
