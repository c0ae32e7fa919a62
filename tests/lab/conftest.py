"""What the tests of the namespace lab share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dualstack.errors import HostCannot
from dualstack.lab.netns import NetnsBackend, NetnsLab
from dualstack.prober.messages import Launch
from dualstack.topology import Topology, load_topology

MakeLab = Callable[[Topology | str], NetnsLab]


@pytest.fixture(scope="session")
def backend() -> Iterator[NetnsBackend]:
    """A backend for the whole run, whose supervisor can import the entry points of `saboteur`; it leaves nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        backend = NetnsBackend()
        try:
            backend.up(load_topology("dual-stack")).close()
        except HostCannot as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(error))
    yield backend
    backend.close()
    assert backend.leftovers() == []


@pytest.fixture
def make_lab(backend: NetnsBackend) -> Iterator[MakeLab]:
    """Make labs that are closed with the test."""
    made = []

    def make(topology: Topology | str) -> NetnsLab:
        lab = backend.up(load_topology(topology) if isinstance(topology, str) else topology)
        made.append(lab)
        return lab

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Launch]:
    """Describe the start of a program in its own scratch folder; every field can be given instead."""

    def describe(*command: str, **fields: Any) -> Launch:
        base = {"directory": str(tmp_path), "scratch": str(tmp_path), "environment": {"PATH": os.defpath}}
        return Launch(command=command, **(base | fields))

    return describe
