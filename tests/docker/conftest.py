"""What the tests of the docker lab share: an engine, a backend that leaves nothing, and small images of services."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dualstack.errors import HostCannot
from dualstack.lab.docker.backend import DockerBackend, DockerLab
from dualstack.lab.docker.engine import Engine, connect
from dualstack.lab.docker.images import build_files
from dualstack.lab.docker.own_image import prober_image
from dualstack.lab.protocol import Host
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.prober.messages import Launch
from dualstack.topology import Topology, load_topology

MakeLab = Callable[[Topology | str], DockerLab]
MakeImage = Callable[..., str]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Connect to the engine, with the prober's image; without one the tests are skipped, unless CI=true and root."""
    try:
        engine = connect()
        prober_image(engine)
    except HostCannot as error:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            raise
        pytest.skip(f"no docker lab: {error}")
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def backend(engine: Engine) -> Iterator[DockerBackend]:
    """Make labs for the whole session; nothing of them may be left."""
    backend = DockerBackend("tests")
    yield backend
    backend.close()
    assert backend.leftovers() == []


@pytest.fixture
def make_lab(backend: DockerBackend) -> Iterator[MakeLab]:
    """Make labs that are closed with the test."""
    made = []

    def make(topology: Topology | str) -> DockerLab:
        lab = backend.up(load_topology(topology) if isinstance(topology, str) else topology)
        made.append(lab)
        return lab

    yield make
    for lab in made:
        lab.close()


@pytest.fixture(scope="session")
def look() -> Callable[[Host], dict[str, Any]]:
    """Return what tells what a process inside a host sees."""

    def seen(host: Host) -> dict[str, Any]:
        with host.inside("dualstack.lab.docker.looks:serve") as stream:
            found: dict[str, Any] = json.loads(stream.makefile().readline())
        return found

    return seen


@pytest.fixture(scope="session")
def make_image(engine: Engine) -> Iterator[MakeImage]:
    """Build images of lines of a Dockerfile, on Python's base image, and remove them in the end."""
    made = []

    def make(name: str, *lines: str, base: str = PYTHON_BASE, files: dict[str, str] | None = None) -> str:
        tag = f"dualstack-test:{name}-{os.getpid()}"
        context = {key: (text.encode(), 0o755) for key, text in (files or {}).items()}
        recipe = "\n".join([f"FROM {base}", *lines, ""])
        build_files(engine, tag, context | {"Dockerfile": (recipe.encode(), 0o644)})
        made.append(tag)
        return tag

    yield make
    for tag in made:
        engine.api.remove_image(tag, force=True)


@pytest.fixture
def launch() -> Callable[..., Launch]:
    """Describe the start of an image; every field can be given instead."""

    def describe(image: str, command: Sequence[str] = (), **fields: Any) -> Launch:
        base: dict[str, Any] = {"directory": "", "environment": {}, "scratch": "/dev/shm/scratch-1"}  # noqa: S108 - the host's
        return Launch(command=tuple(command), image=image, **(base | fields))

    return describe


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Write a manifest of an echo service with this ``[image]`` table, and with more text."""

    def write(image: str, *more: str) -> Path:
        lines = ["schema = 1", "[service]", 'name = "tried"', *more, "[image]", image]
        lines += ["[[listen]]", 'name = "echo"', "port = 7007", 'protocol = "echo"']
        path = tmp_path / "service.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
