"""The named systems on Docker: the same verdicts, case by case, as in labs of namespaces.

Left out: programs in C++, whose image would have a whole compiler; msplib, which is made of programs in several
folders; and the other systems, which have not been compared yet.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.lab.docker.engine import Engine
from dualstack.rootfs.images import build_bases
from tests.docker.test_parity import require_agreement, run
from tests.exam.examined import EVERYTHING, SERVICES

NAMED = SERVICES / "named"

PAIR = ("komodo/core-1.17.0", "komodo/core-proposed")
"""What is compared by default: a system with its bug, and without it. Each image takes a minute to build."""

OTHERS = ("ftp/pyftpdlib", "grpc/python-server", "kafka/kafka", "realm/0.3.9")
"""What is compared with DUALSTACK_EXAM=all too: of each of these systems one manifest."""

REQUIREMENTS = ("START-001", "LISTEN-001", "LISTEN-002", "META-001", "META-003", "META-005", "META-006")
SUITES = ("advertise", "listen", "start")
TOPOLOGIES = ("dual-stack", "ipv6-only-strict")


@pytest.fixture(scope="module", autouse=True)
def _bases(engine: Engine) -> None:
    """Make the images that those of the services are based on."""
    assert engine
    build_bases()


@pytest.mark.parametrize("name", (*PAIR, *OTHERS) if EVERYTHING else PAIR)
def test_verdicts_agree(name: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each case of a named system has the same verdict in both kinds of lab, and its service starts in both."""
    requirements = " or ".join(f"{requirement}:" for requirement in REQUIREMENTS)
    only = f"({requirements}) and ({' or '.join(TOPOLOGIES)})"
    path = NAMED / f"{name}.toml"
    netns, docker = (run(lab, tmp_path / lab, [path], only, SUITES) for lab in ("netns", "docker"))
    assert netns
    assert set(netns) == set(docker)
    require_agreement(netns, docker, tmp_path)
    record_property("exam", f"parity: {name}: {len(netns)} cases compared")
