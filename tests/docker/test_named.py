"""The named systems on Docker: the same verdicts, case by case, as in labs of namespaces.

By default a few manifests are compared, with ``DUALSTACK_EXAM=all`` every one. Left out: ``komodo/images``, which are
images of a registry.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.images import build_files
from dualstack.manifest import load_manifest
from dualstack.manifest.dockerfile import Dockerfile
from dualstack.results import Record
from dualstack.rootfs.images import build_bases, packages_image
from dualstack.verdict import Verdict
from tests.docker.test_parity import node_image, require_agreement, run
from tests.exam.examined import EVERYTHING, SERVICES

NAMED = SERVICES / "named"

PAIRS = {
    "komodo": ("core-1.17.0", "core-proposed"),
    "msplib": ("as-found", "as-proposed"),
}
"""What is compared by default, of each of these systems: with its bugs, and without them."""

ELSEWHERE = {"mqtt": ("mosquitto", "mosquitto-bridge", "mosquitto-pub")}
"""The manifests of a system that are among the real services."""

REQUIREMENTS = (
    *("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-006", "CONNECT-001"),
    *("META-001", "META-003", "META-004", "META-005", "META-006", "META-007", "META-009", "META-010", "META-011"),
)
SUITES = ("advertise", "connect", "listen", "start")
TOPOLOGIES = ("dual-stack", "ipv6-only-strict")


def every(system: str) -> list[Path]:
    """Return the manifests of a system, all of which are compared with ``DUALSTACK_EXAM=all``."""
    real = [SERVICES / "real" / f"{name}.toml" for name in ELSEWHERE.get(system, ())]
    return real or sorted((NAMED / system).glob("*.toml"))


def compared(system: str) -> list[Path]:
    """Return the manifests of a system that are compared now."""
    return every(system) if EVERYTHING else [NAMED / system / f"{name}.toml" for name in PAIRS[system]]


def systems() -> list[str]:
    """Return the names of the systems that are compared."""
    return sorted(path.parent.name for path in NAMED.glob("*/README.md")) if EVERYTHING else list(PAIRS)


def other_causes(netns: Mapping[str, Record], docker: Mapping[str, Record]) -> list[str]:
    """Return the known failures for which the two labs name different causes."""
    both = (case for case in netns if netns[case].verdict is docker[case].verdict is Verdict.KNOWN)
    return [
        f"{case}: netns {netns[case].causes}, docker {docker[case].causes}"
        for case in both
        if netns[case].causes != docker[case].causes
    ]


@pytest.fixture(scope="module", autouse=True)
def _bases(engine: Engine) -> None:
    """Make the images that those of the services are based on."""
    build_bases()
    if EVERYTHING:
        node_image(engine)


@pytest.fixture(scope="module")
def _programs_in_cpp(engine: Engine) -> None:
    """Make the image with gRPC in C++ of its Dockerfile, whose first stage has the compiler."""
    folder = NAMED / "grpc"
    path = folder / "cpp-server.toml"
    names = ("Dockerfile", "Makefile", "client.cc", "echo.proto", "server.cc")
    context = {name: ((folder / name).read_bytes(), 0o644) for name in names}
    base = packages_image(engine, load_manifest(path).service.packages, path)
    build_files(engine, "dualstack-example-grpc-cpp", context, dockerfile=Dockerfile(arguments={"BASE": base}))


@pytest.mark.parametrize("system", systems())
def test_verdicts_agree(
    system: str,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
    request: pytest.FixtureRequest,
) -> None:
    """Each case of a named system has the same verdict in both kinds of lab, and a known failure the same causes."""
    if system == "grpc":
        request.getfixturevalue("_programs_in_cpp")
    requirements = " or ".join(f"{requirement}:" for requirement in REQUIREMENTS)
    only = f"({requirements}) and ({' or '.join(TOPOLOGIES)})"
    netns, docker = (run(lab, tmp_path / lab, compared(system), only, SUITES) for lab in ("netns", "docker"))
    assert netns
    assert set(netns) == set(docker)
    require_agreement(netns, docker, tmp_path)
    assert not other_causes(netns, docker)
    record_property("exam", f"parity: {system}: {len(netns)} cases compared")
