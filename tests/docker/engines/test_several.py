"""Workers of one run on two engines: each record says which, the verdicts are those of one engine, nothing is left."""

from pathlib import Path
from typing import TYPE_CHECKING

from dualstack.lab.docker.engine import Engine
from dualstack.results import read_records
from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, OwnEngine

WANTED = ("--requirement", "LISTEN-001", "--requirement", "LISTEN-002")


def test_workers_are_spread(bench: "Bench", own_engine: "OwnEngine", engine: Engine, reference: Path) -> None:
    """Both engines run cases, also for few of them; run.json has the version of each; both are as clean as before."""
    hosts = (own_engine.address, engine.address)
    options = [word for address in hosts for word in ("--docker-host", address)]
    done = bench.run(reference, *WANTED, *options, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.code == 0, done
    records = [item for item in read_records(done.results) if item.verdict is not Verdict.NOT_APPLICABLE]
    assert {item.engine for item in records} == set(hosts)
    assert {item.verdict for item in records} == {Verdict.PASS}
    run = (done.results / "run.json").read_text(encoding="utf-8")
    assert all(address in run for address in hosts)
    assert own_engine.left_by(done.results.resolve().name) == 0


def test_an_engine_that_does_not_answer_is_named(bench: "Bench", own_engine: "OwnEngine", reference: Path) -> None:
    """No case runs, and nothing is built on the engine that answers."""
    options = ("--docker-host", own_engine.address, "--docker-host", "unix:///nowhere/docker.sock")
    done = bench.run(reference, *WANTED, *options)
    assert done.code == 3, done
    assert "no container engine answers at unix:///nowhere/docker.sock" in done.err
    assert not list(done.results.glob("records.jsonl"))
