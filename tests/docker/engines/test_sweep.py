"""What a killed run leaves is removed by ``dualstack sweep`` and by the next run; nothing else ever is."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dualstack.lab.docker.backend import DockerBackend
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.images import MADE, build_files, image_id, labels_of
from dualstack.lab.docker.labels import RUN, is_dead
from dualstack.lab.docker.own_image import PROBER, prober_image
from dualstack.lab.proving import prove
from dualstack.manifest.subject import PYTHON_BASE, SERVICE_IMAGE
from dualstack.topology import load_topology

if TYPE_CHECKING:
    from tests.docker.engines.conftest import Bench, OwnEngine

FEW = ("--requirement", "LISTEN-001", "-n", "2")


@pytest.fixture
def theirs(own_engine: "OwnEngine") -> Iterator[tuple[str, str]]:
    """Make a container and a network of another program, with its labels and names that resemble those of dualstack."""
    with own_engine.client() as api:
        network = api.create_network("dualstack-mine", internal=True, labels={"dualstack": "mine"})["Id"]
        container = api.create_container(
            PYTHON_BASE, ["sleep", "infinity"], name="dualstack-not-yours", labels={"dualstack.runner": "me"}
        )["Id"]
        api.start(container)
        try:
            yield container, network
        finally:
            with contextlib.suppress(Exception):
                api.remove_container(container, force=True)
            api.remove_network(network)


def objects(engine: "OwnEngine") -> list[tuple[str, dict[str, str]]]:
    """Return everything on an engine with our label: what it is, and its labels."""
    with engine.client() as api:
        filters = {"label": RUN}
        found = [("container", item["Labels"]) for item in api.containers(all=True, filters=filters)]
        return found + [("network", item["Labels"]) for item in api.networks(filters=filters)]


def killed_in_its_midst(bench: "Bench", engine: "OwnEngine", reference: Path) -> None:
    """Start a run and kill it, all of its processes at once, when a service has been started."""
    since = time.time()
    live = bench.start("run", "--lab", "docker", *FEW, reference)
    wanted = {"type": "container", "event": "start", "label": RUN}
    with engine.client() as api:
        started: Any = api.events(since=int(since), filters=wanted, decode=True)
        for _ in range(3):
            next(started)
        started.close()
    live.kill()


@pytest.mark.parametrize("remedy", ["sweep", "next run"])
@pytest.mark.usefixtures("theirs")
def test_a_killed_run_is_cleared_away(bench: "Bench", own_engine: "OwnEngine", reference: Path, remedy: str) -> None:
    """After ``kill -9`` of a run all containers and networks are again those that there were before it."""
    before = own_engine.all()
    killed_in_its_midst(bench, own_engine, reference)
    assert [kind for kind, labels in objects(own_engine) if kind == "network" and is_dead(labels)]
    if remedy == "sweep":
        done = bench.command("sweep")
        assert "removed network" in done.out
        assert bench.command("sweep").out == "nothing was left by dead runs\n"
    else:
        done = bench.run("--requirement", "LISTEN-001", "--topology", "dual-stack", reference)
    assert done.code == 0, done
    assert own_engine.all() == before


def test_a_run_that_lives_is_left_alone(
    bench: "Bench", own_engine: "OwnEngine", theirs: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``dualstack sweep`` removes nothing of a lab whose process lives, and nothing without our label."""
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    backend = DockerBackend("lives")
    try:
        lab = backend.up(load_topology("dual-stack"))
        before = own_engine.all()
        done = bench.command("sweep")
        assert done.out == "nothing was left by dead runs\n", done
        assert own_engine.all() == before
        assert prove(lab)
        lab.close()
    finally:
        backend.close()
        assert backend.leftovers() == []
        backend.engine.close()


def make_image(engine: Engine, tag: str, labels: dict[str, str], content: str = "") -> str:
    """Make an image unlike any other; return its id."""
    files = {"Dockerfile": (b"FROM scratch\nCOPY own /\n", 0o644), "own": (f"{tag} {content}".encode(), 0o644)}
    build_files(engine, tag, files, labels)
    return str(image_id(engine, tag))


def test_images_that_nothing_needs_are_removed(
    bench: "Bench", own_engine: "OwnEngine", monkeypatch: pytest.MonkeyPatch
) -> None:
    """``dualstack sweep`` removes old images of dualstack that no container uses, and says how many and how much.

    As long as a run lives, it removes none.
    """
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    here, gone = labels_of(Path(__file__).parent), labels_of(Path("/nowhere/at/all"))
    backend = DockerBackend("lives")
    engine = backend.engine
    old = {
        make_image(engine, f"{PROBER}:old", {MADE: "1"}),
        make_image(engine, f"{SERVICE_IMAGE}:gone", gone),
        make_image(engine, f"{SERVICE_IMAGE}:here", here, "at first"),
    }
    kept = {
        make_image(engine, f"{SERVICE_IMAGE}:here", here, "later"),
        make_image(engine, f"{SERVICE_IMAGE}:used", gone),
        make_image(engine, "dualstack-test:based-on-ours", gone),
        str(image_id(engine, prober_image(engine))),
    }
    user = engine.api.create_container(f"{SERVICE_IMAGE}:used", ["/own"])["Id"]
    try:
        lab = backend.up(load_topology("dual-stack"))
        assert bench.command("sweep").out == "nothing was left by dead runs\n"
        assert all_images(engine) >= old | kept
        lab.close()
        backend.close()
        done = bench.command("sweep")
        assert done.code == 0, done
        assert all_images(engine) & (old | kept) == kept
        assert f"removed image {PROBER}:old, 0.0 MB\n" in done.out
        assert re.search(r"^\d+ images? no longer needed: \d+\.\d MB$", done.out, re.MULTILINE)
    finally:
        backend.close()
        engine.api.remove_container(user)
        for identity in all_images(engine) & (old | kept):
            engine.api.remove_image(identity, force=True)
        engine.close()


def all_images(engine: Engine) -> set[str]:
    """Return the id of every image on an engine."""
    return {str(item["Id"]) for item in engine.api.images()}


def test_every_object_says_whose_it_is(own_engine: "OwnEngine", monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers and networks of a lab carry run, worker, pid and time."""
    monkeypatch.setenv("DOCKER_HOST", own_engine.address)
    backend = DockerBackend("labelled", "worker-7")
    try:
        lab = backend.up(load_topology("dual-stack"))
        found = [(kind, labels) for kind, labels in objects(own_engine) if labels[RUN] == "labelled"]
        assert sorted(kind for kind, _ in found) == ["container", "container", "network"]
        for _, labels in found:
            assert labels["dualstack.worker"] == "worker-7"
            assert labels["dualstack.pid"].isdecimal()
            assert labels["dualstack.created"].startswith("20")
            assert not is_dead(labels)
        lab.close()
    finally:
        backend.close()
        backend.engine.close()
