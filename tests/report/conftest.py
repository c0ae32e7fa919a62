"""A made-up run: every verdict, several services and topologies, hostile logs, as a real run would leave it."""

import base64
import dataclasses
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dualstack.finding import Finding
from dualstack.prober.messages import Query, SocketRow
from dualstack.report.results_schema import results_schema
from dualstack.results import RUN, SCHEMA, Record, append_record
from dualstack.timeline import Packet, Step, packet_lines
from dualstack.verdict import Verdict

HOSTILE = "\x1b[31mred\x1b[0m </script><b>bold</b> & \x00\x07 nul \u202e\ufffe \r\nnext </pre><!-- ]]>"
"""A line of log that would do harm if it were believed."""

TOPOLOGIES = {
    "dual-stack": ("Dual-stack", "Both families, as on most networks today."),
    "dual-stack-bindv6only": ("Dual-stack, IPv6 sockets IPv6-only by default", "net.ipv6.bindv6only=1, as on Windows."),
    "ipv4-only": ("IPv4-only", "No IPv6 address; the kernel still knows IPv6."),
    "ipv4-only-disabled": ("IPv4-only, IPv6 disabled", "disable_ipv6=1: an administrator has switched IPv6 off."),
    "ipv4-only-no-af-inet6": ("IPv4-only, no IPv6 in the kernel", "socket(AF_INET6) fails with EAFNOSUPPORT."),
    "ipv6-only": ("IPv6-only", "No IPv4 address but loopback."),
    "ipv6-only-strict": ("IPv6-only-strict", "No IPv4 at all, not even 127.0.0.1."),
    "multi-address": ("Several addresses", "Two IPv4 and three IPv6 addresses on one link."),
}

REQUIREMENTS = {
    "LISTEN-001": ("Every declared port answers on both families", "MUST", ("RC-V4SOCK", "RC-V6ONLY")),
    "LISTEN-002": ("Starts and serves on a host with no IPv4 at all", "MUST", ("RC-V4SOCK", "RC-LITERAL")),
    "LISTEN-004": ("Starts and serves where AF_INET6 does not exist", "SHOULD", ("RC-NOINET6",)),
    "LISTEN-005": ("Dual-stack does not depend on net.ipv6.bindv6only", "MUST", ("RC-V6ONLY",)),
    "INTEROP-001": ("An IPv4 client of a dual-stack server keeps its address", "MUST", ("RC-MAPPED", "RC-SOCKADDR")),
    "START-001": ("Starts on an ordinary dual-stack host", "MUST", ()),
    "CONNECT-009": ("Which family is tried first", "OBSERVE", ("RC-NOHE",)),
}

_IPV4 = ("198.51.100.33", 40112), ("198.51.100.1", 8080)
_IPV6 = ("2001:db8:1::21", 51000), ("2001:db8:1::1", 8080)


def packet(number: int, milliseconds: float, ends: tuple[tuple[str, int], tuple[str, int]], what: str) -> Packet:
    """Return a packet from the first end to the second."""
    (src, sport), (dst, dport) = ends
    family = "ipv6" if ":" in src else "ipv4"
    refuses = "RST" in what or "unreachable" in what
    return Packet(number, milliseconds / 1000, "service", family, src, sport, dst, dport, what, refuses)


_PACKETS = (
    packet(1, 100.000, _IPV4, "TCP SYN"),
    packet(2, 100.041, _IPV4[::-1], "TCP RST ACK"),
    packet(3, 103.204, _IPV6, "TCP SYN"),
    packet(4, 103.246, _IPV6[::-1], "TCP SYN ACK"),
    packet(5, 103.260, _IPV6, "TCP ACK"),
    packet(6, 103.402, _IPV6, "TCP PSH ACK, 41 bytes"),
    packet(7, 104.019, _IPV6[::-1], "TCP PSH ACK, 853 bytes"),
    packet(20, 104.301, _IPV6[::-1], "ICMPv6 port unreachable, about an older datagram"),
)


def record(verdict: Verdict = Verdict.PASS, **changes: Any) -> Record:
    """Return a record as a real case of that verdict has it."""
    requirement = changes.pop("requirement", "LISTEN-001")
    title, level, causes = REQUIREMENTS[requirement]
    subject, topology = changes.pop("subject", "nginx/both"), changes.pop("topology", "dual-stack")
    element = changes.pop("element", "http")
    short = verdict in {Verdict.FAIL, Verdict.DEVIATES, Verdict.KNOWN}
    happened = "connection refused after 0.1 ms (ECONNREFUSED)" if short else "answered after 1.2 ms"
    base = Record(
        requirement=requirement,
        title=title,
        level=level,
        subject=subject,
        manifest=f"services/{subject.split('/')[0]}/service.toml",
        element=element,
        topology=topology,
        verdict=verdict,
        works={"ipv4": not short, "ipv6": True},
        families=("ipv4", "ipv6"),
        steps=(
            Step(0.021, f"start the service: /usr/sbin/{subject.split('/')[0]} -c /tmp/conf -g 'daemon off;'"),
            Step(0.063, "after 42 ms the service is ready"),
            Step(0.065, f"dial tcp 198.51.100.1:8080: {happened}"),
            Step(0.069, "dial tcp [2001:db8:1::1]:8080: answered after 1.1 ms"),
            Step(0.120, "stop the service: it exited with code 0"),
        ),
        findings=(
            Finding(True, "an IPv6 client is answered at [2001:db8:1::1]:8080", "answered after 1.1 ms"),
            Finding(not short, "an IPv4 client is answered at 198.51.100.1:8080", happened, packet_lines(_PACKETS[:2])),
        ),
        sockets=(
            SocketRow("ipv6", "tcp", "LISTEN", "::", 8080, "", short, "nginx (17)"),
            SocketRow("ipv4", "tcp", "ESTABLISHED", "198.51.100.1", 8080, "198.51.100.33:40112", None, "nginx (18)"),
        ),
        queries=(
            Query(0.066, "198.51.100.1", 40113, "ipv4", "udp", "a-ok.7f3a.lab.test", "A", "NOERROR", 1),
            Query(0.067, "2001:db8:1::1", 40114, "ipv6", "tcp", "a-ok.7f3a.lab.test", "AAAA", "", 0),
        ),
        log="2026/11/20 16:31:07 [notice] 17#17: start worker processes\n" * 6,
        packets=_PACKETS,
        capture=f"cases/{requirement}_{topology}/capture.pcap",
        command=f"/usr/sbin/{subject.split('/')[0]} -c /tmp/conf -g 'daemon off;'",
        rerun=f"dualstack run services/{subject.split('/')[0]}/service.toml --requirement {requirement} "
        f"--topology {topology}",
        seconds=0.1342,
        waited=0.061,
        causes=causes,
    )
    return dataclasses.replace(base, **changes)


def _bare(verdict: Verdict, reason: str, **changes: Any) -> Record:
    """Return a record of a case that never came to its service."""
    return record(verdict, reason=reason, works={}, families=(), findings=(), sockets=(), packets=(), log="", **changes)


def _odd_ones() -> list[Record]:
    """Return one record of each verdict that needs an explanation."""
    broken = 'the proof "no-ipv4" failed: 198.51.100.1 answered on a host that should have no IPv4'
    return [
        record(Verdict.FAIL, subject="komodo/default", requirement="LISTEN-001", log=HOSTILE * 3, element="api"),
        record(Verdict.FAIL, subject="komodo/default", requirement="LISTEN-002", topology="ipv6-only-strict",
               reason='the service did not become ready: it exited with code 1; its last line: "bind: EADDRNOTAVAIL"',
               findings=(), works={"ipv6": False}, families=(), element="api", packets=()),
        record(Verdict.FAIL, requirement="LISTEN-005", topology="dual-stack-bindv6only"),
        record(Verdict.DEVIATES, requirement="LISTEN-004", topology="ipv4-only-no-af-inet6"),
        record(Verdict.OBSERVED, requirement="CONNECT-009", subject="curl", element="get", reason="IPv6 first, 5 of 5"),
        _bare(Verdict.BLOCKED, "the service does not start (START-001): it exited with code 78", subject="curl",
              element="get", topology="ipv4-only"),
        _bare(Verdict.NOT_APPLICABLE, "it does not claim both families", subject="redis/ipv4", lacks="both"),
        _bare(Verdict.INCONCLUSIVE, "the kernel dropped 12 frames, so nothing can be concluded", subject="curl",
              element="get"),
        _bare(Verdict.HOST_CANNOT, "unprivileged user namespaces are forbidden", subject="curl", element="get",
              topology="multi-address"),
        _bare(Verdict.BROKEN_LAB, broken, subject="redis/both", topology="ipv6-only-strict"),
        _bare(Verdict.HARNESS_ERROR, "the prober's agent ended: BrokenPipeError", subject="redis/both",
              topology="multi-address"),
        _bare(Verdict.TIMEOUT, "waited 10 s for the link to carry packets", subject="redis/both",
              topology="dual-stack-bindv6only"),
        record(Verdict.KNOWN, requirement="INTEROP-001", subject="redis/both", reason="it logs ::ffff: addresses"),
        record(Verdict.UNEXPECTED_PASS, requirement="INTEROP-001", topology="multi-address",
               reason="it passes, but its manifest declares it as a known issue"),
    ]  # fmt: skip


def _records() -> list[Record]:
    """Return about sixty records, every verdict among them."""
    odd = _odd_ones()
    taken = {item.case for item in odd}
    plain = [
        record(requirement=requirement, subject=subject, topology=topology)
        for subject in ("nginx/both", "redis/both", "redis/ipv4")
        for topology in TOPOLOGIES
        for requirement in ("LISTEN-001", "INTEROP-001")
        if not (subject == "redis/ipv4" and topology.startswith("ipv6"))
    ]
    plain += [record(subject="curl", topology=topology, element="get") for topology in TOPOLOGIES]
    return [*(item for item in plain if item.case not in taken), *odd]


def run_data(records: list[Record]) -> dict[str, Any]:
    """Return what run.json says of such a run."""
    return {
        "schema": SCHEMA,
        "run": "20261120T163107Z-a1b2",
        "started": "2026-11-20T16:31:07+00:00",
        "dualstack": "0.1.0",
        "python": "3.11.7",
        "kernel": "6.18.44",
        "machine": "x86_64, 2 cores",
        "lab": "netns",
        "git": "654f6a5-dirty",
        "arguments": ["--service", "services/nginx/service.toml"],
        "strict": False,
        "subjects": [
            {
                "name": name,
                "summary": f"{name.split('/')[0]}, as the distribution ships it.",
                "manifest": f"services/{name.split('/')[0]}/service.toml",
                "claims": {"http": ["ipv4"] if name.endswith("ipv4") else ["ipv4", "ipv6"]},
            }
            for name in dict.fromkeys(item.subject for item in records)
        ],
        "topologies": {name: {"title": title, "summary": summary} for name, (title, summary) in TOPOLOGIES.items()},
        "requirements": {
            name: {
                "id": name,
                "title": title,
                "level": level,
                "statement": f"A service that claims both families does this: {title[0].lower()}{title[1:]}.",
                "stimulus": "Start the service; from a second host, hold three exchanges over each family.",
                "wire": "Each SYN is answered by a SYN ACK of the same family from the address that was dialled.",
                "cites": ["RFC 4038 §4.2", "RFC 3493 §5.3"],
                "causes": list(causes),
            }
            for name, (title, level, causes) in REQUIREMENTS.items()
        },
        "planned": len(records),
        "interrupted": False,
        "exit_code": 3,
    }


def write_run(folder: Path, records: list[Record], **changes: Any) -> Path:
    """Leave in ``folder`` what a run with these records leaves; a change to None removes the key of run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {key: value for key, value in (run_data(records) | changes).items() if value is not None}
    (folder / RUN).write_text(json.dumps(data), encoding="utf-8")
    for item in records:
        append_record(folder, item)
    return folder


def page_data(page: str) -> dict[str, Any]:
    """Return the data that an HTML report carries."""
    packed = re.search(r'<script type="application/octet-stream" id="data">(.*?)</script>', page)
    assert packed is not None
    data: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed[1])))
    return data


def page_text(path: Path) -> str:
    """Return an HTML report with its data as text, which the page has compressed."""
    page = path.read_text(encoding="utf-8")
    return page + json.dumps(page_data(page), ensure_ascii=False)


def closed(schema: Any) -> Any:
    """Return a schema whose tables allow no key that it does not name."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return {**found, "additionalProperties": False} if isinstance(found.get("properties"), dict) else found


def misfits(folder: Path) -> list[str]:
    """Return what in the results.json of a run is not as the published schema says, or not named by it."""
    data = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    found = Draft202012Validator(closed(results_schema())).iter_errors(data)
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Make records."""
    return record


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Make the folder of a run from its records."""
    return lambda records, **changes: write_run(tmp_path / "run", records, **changes)


@pytest.fixture
def records() -> list[Record]:
    """About sixty records, every verdict among them."""
    return _records()


@pytest.fixture
def run_folder(make_run: Callable[..., Path], records: list[Record]) -> Path:
    """The folder of a run with those records."""
    return make_run(records)


@pytest.fixture
def hostile() -> str:
    """Output of a service that would do harm if it were believed."""
    return HOSTILE
