"""The page docs/systems.md says what each service of ``fixtures/services/named`` does on each kind of host.

``python -m tests.test_systems`` writes it. It is generated from the manifests and from what tests/named examines of
them: a ``[[known]]`` entry is what fails, and the other requirements pass. The exam proves both, because a failure
without an entry, and an entry without a failure, are errors there.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from posixpath import normpath

import pytest

from dualstack.content import ROOT
from dualstack.families import Family
from dualstack.manifest import Subject, subjects_of
from dualstack.manifest.subject import IMAGE_DIRECTORY
from dualstack.plan import PlannedCase, plan_cases
from dualstack.suites import requirements
from tests.docker import test_named
from tests.named import (
    test_grpc,
    test_kafka,
    test_komodo,
    test_msplib,
    test_realm,
    test_redis_cluster,
    test_text_protocols,
    test_websocket,
    test_websocket_libraries,
)

FOLDER = ROOT / "fixtures" / "services" / "named"
PAGE = ROOT / "docs" / "systems.md"

TEXT = (*test_text_protocols.LISTENERS, *test_text_protocols.CONNECTORS)
EXAMINED = {
    "ftp": TEXT,
    "grpc": (*test_grpc.OF_SERVERS, *test_grpc.OF_CLIENTS),
    "kafka": test_kafka.REQUIRED,
    "kafka/kcat": test_kafka.OF_CLIENTS,
    "komodo": test_komodo.REQUIREMENTS,
    "mqtt": (*TEXT, "LISTEN-001"),
    "msplib": test_msplib.REQUIREMENTS,
    "realm": test_realm.REQUIREMENTS,
    "redis-cluster": test_redis_cluster.REQUIREMENTS,
    "rtsp": TEXT,
    "sip": TEXT,
    "websocket": test_websocket.REQUIREMENTS,
    "websocket/lws-debian": (*test_websocket.REQUIREMENTS, *test_websocket.FALLBACK),
    **{f"websocket/{name}": test_websocket_libraries.OF_LIBRARIES for name in test_websocket_libraries.LIBRARIES},
    **{f"websocket/{name}": test_websocket_libraries.OF_SECURE for name in test_websocket_libraries.SECURE},
    **{f"websocket/{name}": test_websocket_libraries.OF_RUNNER for name in test_websocket_libraries.RUNNER},
    **{f"websocket/{name}": test_websocket_libraries.OF_ROOMS for name in test_websocket_libraries.ROOMS},
}
"""The requirements that the exam verifies of each system, and of manifests for which they are others."""

KNOWN_ONLY = tuple(f"kafka/{name}" for name in test_kafka.MISTAKES)
"""The manifests of which the exam verifies only what is known."""

ELSEWHERE = {"mqtt": [FOLDER.parent / "real" / f"{name}.toml" for name in ("mosquitto", "mosquitto-bridge")]}
"""The manifests of a system that are among the real services."""

START = "START-001"
"""If it fails, the other cases of a listener are blocked."""

HOSTS = {
    "dual-stack": ("dual-stack", "multi-address", "routed", "two-links", "pmtu-1280"),
    "bindv6only": ("dual-stack-bindv6only",),
    "IPv6-only": ("ipv6-only", "ipv6-only-strict"),
    "IPv4-only": ("ipv4-only", "ipv4-only-disable-ipv6"),
    "no AF_INET6": ("ipv4-only-no-af-inet6",),
}
"""The columns of the page: kinds of hosts, and the topologies that have them."""

HEAD = """\
# Named systems

What well-known systems (Kafka, gRPC, Realm, Komodo …) do in each configuration that we examined, on five kinds of
hosts. `make exam` verifies most of it again, with the real components; `DUALSTACK_EXAM=all make exam` verifies all of
it. [Real servers](real-servers.md) and
[real clients](real-clients.md) have more products.

Each line is one configuration of one service. A cell is ✓ if the service meets every requirement that the exam verifies
of it on this kind of host, or names the requirements that it breaks (`dualstack explain ID`), with the listener or
connector in brackets if not all of them break it. An empty cell: the exam verifies nothing there, or the service
does not start on a dual-stack host (START-001), so that nothing else runs. Which requirements the exam verifies is said
for each system; they are the ones that the system is known for, because all of them would take hours. "bindv6only" is a
host with the sysctl `net.ipv6.bindv6only = 1`; on "no AF_INET6" `socket(AF_INET6)` fails.

`dualstack run MANIFEST` verifies a service and writes a report with the packets of each case. The exam does so in the
namespace lab (netns). A service whose labs are "netns, docker" is also run in containers (`dualstack run --lab docker
MANIFEST`), where each of these cases has the same verdict as in the namespace lab, on {topologies}:
{requirements}.
`make exam` compares them for {pairs};
`DUALSTACK_EXAM=all make exam` compares them for all. Komodo's published images, which need a registry, are not run.

This page is generated from the manifests by `python -m tests.test_systems`.
"""


def systems() -> list[Path]:
    """Return the folders of the systems, in the order of the page."""
    return sorted(path.parent for path in FOLDER.glob("*/README.md"))


def manifests(folder: Path) -> list[Path]:
    """Return the manifests of a system."""
    return ELSEWHERE.get(folder.name) or sorted(folder.glob("*.toml"))


@cache
def _cases(path: Path, system: str) -> tuple[PlannedCase, ...]:
    """Return the cases of a manifest that the exam verifies."""
    subjects, known_only = subjects_of(path), f"{system}/{path.stem}" in KNOWN_ONLY
    own = EXAMINED.get(f"{system}/{path.stem}", EXAMINED[system])
    wanted = {*own, *(test_kafka.MISTAKES.values() if known_only else ())}
    planned = (case for name in sorted(wanted) for case in plan_cases(requirements()[name], subjects))
    apply = (case for case in planned if case.lacks is None and case.exemption is None)
    return tuple(case for case in apply if case.known is not None or not known_only)


def _runs(case: PlannedCase, cases: Iterable[PlannedCase]) -> bool:
    """Return whether a case runs: listeners of a service that does not start are blocked."""
    is_connector = case.element in {item.name for item in case.subject.manifest.connect}
    if case.requirement.group == "META" and not _has_clients(case):
        return False
    if case.requirement.id == START or is_connector:
        return True
    return not any(other.requirement.id == START and other.known for other in cases if other.subject == case.subject)


def _has_clients(case: PlannedCase) -> bool:
    """Return whether a topology has clients of a family that a listener claims: only they are handed addresses."""
    listener = next(item for item in case.subject.listen if item.name == case.element)
    missing = {Family.IPV4: HOSTS["IPv6-only"], Family.IPV6: (*HOSTS["IPv4-only"], *HOSTS["no AF_INET6"])}
    return any(case.topology not in missing[family] for family in listener.families)


def _running(path: Path, system: str) -> list[PlannedCase]:
    """Return the cases of a manifest that run in the exam."""
    cases = _cases(path, system)
    return [case for case in cases if _runs(case, cases)]


def _labs(subject: Subject, system: str) -> str:
    """Return the labs in which a service was run: docker too if its verdicts there are compared."""
    return "netns, docker" if subject.path in test_named.every(system) else "netns"


def _head() -> str:
    """Return the beginning of the page."""
    return HEAD.format(
        requirements=", ".join(test_named.REQUIREMENTS),
        topologies=" and ".join(f"`{name}`" for name in test_named.TOPOLOGIES),
        pairs=" and ".join(f"{system} ({', '.join(names)})" for system, names in test_named.PAIRS.items()),
    )


def _cell(cases: Iterable[PlannedCase], topologies: tuple[str, ...]) -> str:
    """Return what fails on hosts of one kind, with the connectors or listeners if only some of them fail it."""
    verified, failing = defaultdict(set), defaultdict(set)
    for case in (case for case in cases if case.topology in topologies):
        verified[case.requirement.id].add(case.element)
        if case.known is not None:
            failing[case.requirement.id].add(case.element)
    names = {name: "" if own == verified[name] else f" ({', '.join(sorted(own))})" for name, own in failing.items()}
    return ", ".join(f"{name}{names[name]}" for name in sorted(names)) or ("✓" if verified else "")


def _rows(path: Path, system: str, notes: dict[str, int]) -> Iterator[str]:
    """Yield the lines of one manifest; the reasons of what fails are added to the notes."""
    link = f"[{path.stem}](../{path.relative_to(ROOT)})"
    for subject in subjects_of(path):
        cases = [case for case in _running(path, system) if case.subject == subject]
        reasons = dict.fromkeys(case.known.reason for case in cases if case.known is not None)
        marks = "".join(f" [{notes.setdefault(reason, len(notes) + 1)}]" for reason in reasons)
        cells = [_cell(cases, topologies) for topologies in HOSTS.values()]
        what = [link, f"`{subject.configuration or 'default'}`{marks}", _labs(subject, system)]
        yield f"| {' | '.join([*what, *cells])} |"


def _summary(folder: Path) -> str:
    """Return the first paragraph of a system's own page."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return text.split("\n\n")[1].strip()


def _title(folder: Path) -> str:
    """Return the title of a system's own page."""
    return re.sub(r"^# ", "", (folder / "README.md").read_text(encoding="utf-8").splitlines()[0])


def _section(folder: Path) -> str:
    """Return the section of one system."""
    notes: dict[str, int] = {}
    rows = [row for path in manifests(folder) for row in _rows(path, folder.name, notes)]
    head = ["Manifest", "Configuration", "Labs", *HOSTS]
    verified = {case.requirement.id for path in manifests(folder) for case in _running(path, folder.name)}
    lines = [f"## {_title(folder)}", "", _summary(folder), ""]
    lines += [f"Details and what we saw: [{folder.name}](../{folder.relative_to(ROOT)}/README.md).", ""]
    lines += [f"Verified: {', '.join(sorted(verified))}.", ""]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|", *rows]
    if notes:
        lines += ["", *(f"{number}. {' '.join(reason.split())}" for reason, number in notes.items())]
    return "\n".join([*lines, ""])


def page() -> str:
    """Return the page."""
    return "\n".join([_head(), *map(_section, systems())])


def test_page_is_generated() -> None:
    """docs/systems.md is what the manifests and the pages of the systems give."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("folder", systems(), ids=lambda folder: folder.name)
def test_each_system_is_examined(folder: Path) -> None:
    """A test of the exam runs the manifests of each system."""
    assert set(EXAMINED[folder.name]) <= set(requirements())
    assert manifests(folder)


def test_what_runs_in_docker_labs_is_in_its_image() -> None:
    """Each service that the page says is run in docker labs has an image with the files that its commands name."""
    for folder in systems():
        for subject in (item for path in test_named.every(folder.name) for item in subjects_of(path)):
            assert subject.image_table, subject.path
            others = [item.command for item in subject.manifest.connect]
            others += [item.command or [] for item in subject.manifest.component]
            words = {*subject.image_command, *(word for command in others for word in command)}
            elsewhere = {normpath(f"{IMAGE_DIRECTORY}/{word}") for word in words if word.startswith("../")}
            assert elsewhere <= set(subject.image_table.container.copies), subject.path


def test_requirements_of_manifests_are_of_manifests_that_exist() -> None:
    """Each entry of `EXAMINED` about one manifest names a manifest and requirements that exist."""
    for key, names in EXAMINED.items():
        assert set(names) <= set(requirements())
        assert "/" not in key or (FOLDER / f"{key}.toml").exists(), key


def test_a_service_that_does_not_start_passes_nothing() -> None:
    """No row has a mark of success in any column if START-001 is known to fail, unless a connector has it."""
    for folder in systems():
        for path in manifests(folder):
            running = _running(path, folder.name)
            for case in running:
                if case.requirement.id == START and case.known:
                    own = [item for item in running if item.subject == case.subject and item is not case]
                    assert {item.element for item in own} <= {item.name for item in case.subject.manifest.connect}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
