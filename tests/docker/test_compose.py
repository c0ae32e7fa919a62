"""A compose file in a docker lab: the example passes, names resolve, and a health check is waited for."""

import subprocess
import sys
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.errors import UsageError
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.images import build_folder, inspect
from dualstack.manifest.dockerfile import Dockerfile
from dualstack.results import Record, read_records
from dualstack.verdict import Verdict

EXAMPLE = ROOT / "examples" / "compose" / "compose.yaml"


@pytest.fixture
def images(engine: Engine) -> None:
    """Have the base image that the example names."""
    from dualstack.rootfs.images import build_bases  # noqa: PLC0415 - loads the SDK

    build_bases()
    assert engine.version


def run(compose: Path, results: Path, *words: str) -> dict[str, Record]:
    """Verify ``web`` of a compose file; return the records by requirement and topology."""
    command = [sys.executable, "-m", "dualstack", "run", "--lab", "docker", "-n", "1", "--results", str(results)]
    command += ["--compose", str(compose), "--service", "web", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "services.monitor: not honoured: it is not started" in done.stderr
    assert (results / "latest").exists(), done.stdout + done.stderr
    return {f"{item.requirement}@{item.topology}": item for item in read_records(results / "latest")}


@pytest.mark.usefixtures("images")
def test_the_example_is_verified(tmp_path: Path) -> None:
    """Its cases pass also without IPv4; the store runs before the service, under its name, as its own container."""
    records = run(EXAMPLE, tmp_path, "--requirement", "LISTEN-001", "--requirement", "LISTEN-002")
    applied = {key: item for key, item in records.items() if item.verdict is not Verdict.NOT_APPLICABLE}
    assert {item.reason for item in applied.values() if item.verdict is not Verdict.PASS} == set()
    record = applied["LISTEN-001@dual-stack"]
    assert {(row.port, row.owner) for row in record.sockets} == {
        (8080, "service(container)"),
        (6379, "store(container)"),
    }
    steps = [step.what.partition(":")[0] for step in record.steps if step.what.startswith(("start ", "stop "))]
    assert steps == ["start component store", "start the service", "stop the service", "stop component store"]
    assert record.rerun.startswith("dualstack run ")


@pytest.mark.usefixtures("images")
def test_a_health_check_that_fails_is_the_reason(tmp_path: Path) -> None:
    """The service does not start before its store is healthy; the reason names the component and its check."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("'localhost', 6379", "'localhost', 6380")
    compose = tmp_path / "compose.yaml"
    compose.write_text(text.replace("./", f"{EXAMPLE.parent}/"), encoding="utf-8")
    manifest = tmp_path / "service.toml"
    command = [
        sys.executable,
        "-m",
        "dualstack",
        "run",
        "--lab",
        "docker",
        "--compose",
        str(compose),
        "--service",
        "web",
    ]
    subprocess.run([*command, "--save", str(manifest), "--requirement", "NONE"], capture_output=True, check=False)
    saved = manifest.read_text(encoding="utf-8").replace("ready = 60.0", "ready = 4.0")
    manifest.write_text(saved, encoding="utf-8")
    command = [sys.executable, "-m", "dualstack", "run", "--lab", "docker", "--results", str(tmp_path / "results")]
    done = subprocess.run([*command, "--requirement", "START", str(manifest)], capture_output=True, check=False)
    assert done.returncode == 1, done
    (record,) = read_records(tmp_path / "results" / "latest")
    assert record.verdict is Verdict.FAIL
    assert "component store does not start" in record.reason
    assert "health check" in record.reason
    assert not any(step.what.startswith("start the service") for step in record.steps)


STAGES = """\
FROM scratch AS small
ARG WORD=none
COPY file /
LABEL said=$WORD
FROM scratch
COPY file /
LABEL said=last
"""


def test_an_image_is_built_as_the_file_says(engine: Engine, tmp_path: Path) -> None:
    """The Dockerfile that is named, its stage and its arguments make the image; a file elsewhere is refused."""
    folder = tmp_path / "web"
    (folder / "docker").mkdir(parents=True)
    (folder / "file").touch()
    (folder / "docker" / "Stages").write_text(STAGES, encoding="utf-8")
    tag = "dualstack-test-stages"
    try:
        for target, word in (("small", "yes"), ("", "last")):
            how = Dockerfile(name="docker/Stages", target=target, arguments={"WORD": "yes"})
            build_folder(engine, (Path("web"), how), tmp_path, tag, "image")
            assert inspect(engine, tag)["Config"]["Labels"]["said"] == word
    finally:
        engine.api.remove_image(tag, force=True)
    for name, expected in (("../Stages", "which is not in the folder"), ("Stages", "which has no Stages")):
        with pytest.raises(UsageError, match=expected):
            build_folder(engine, (Path("web"), Dockerfile(name=name)), tmp_path, tag, "image")
