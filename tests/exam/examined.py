"""Which services ``make exam`` examines: ``python -m tests.exam.examined`` builds their root file system."""

import os
from pathlib import Path

from dualstack.content import ROOT
from dualstack.manifest import load_manifest
from dualstack.rootfs import build_root, packages_of

SERVICES = ROOT / "fixtures" / "services"

EVERYTHING = os.environ.get("DUALSTACK_EXAM") == "all"
"""Whether all services sit every part of the exam, also those of ``heavy/``."""

CLIENTS = frozenset(
    {
        "curl",
        "node-clients",
        "python-clients",
        "redis-cli",
        "wget",
    }
)
"""The clients examined by default: in C, JavaScript and Python; racing, in turn, and the first address only."""

NOT_BY_DEFAULT = frozenset({"gir1.2-gst-rtsp-server-1.0", "ffmpeg", "sip-tester"})
"""Packages whose services in ``named/`` are examined with `EVERYTHING` only: large ones, and a second SIP server."""

RELAYS = frozenset({"haproxy", "socat", "socat-udp"})
"""The relays of ``relays/`` examined by default: small packages; TCP, UDP, HTTP and PROXY headers."""

BESIDE = ("tayga", "unbound")
"""Packages whose programs run beside our own translator and name server (`tests.exam.beside`)."""


def is_client(path: Path) -> bool:
    """Return whether a manifest is about commands that connect and end, and nothing else."""
    manifest = load_manifest(path)
    return not manifest.listen and not any(item.runs_on for item in manifest.connect)


def examined(*folders: str) -> list[Path]:
    """Return the manifests in these folders that are examined: of the clients in ``real/`` only `CLIENTS`."""
    found = [path for folder in folders for path in sorted((SERVICES / folder).glob("*.toml"))]
    left_out = {path for path in found if path.parent.name == "real" and path.stem not in CLIENTS and is_client(path)}
    return [path for path in found if EVERYTHING or path not in left_out]


def in_brief(path: Path) -> bool:
    """Return whether make test examines a reference service: it needs Python alone, and has a listener or races.

    The cases of connectors wait for servers that never answer, so of them only one has its turn there. Relays pass
    through their own suite there, and through the others in the exam.
    """
    manifest = load_manifest(path)
    if manifest.service.packages or manifest.relay:
        return False
    return bool(manifest.listen) or path.stem == "racing"


def named(system: str = "*") -> list[Path]:
    """Return the manifests of a named system, or of all, that are examined."""
    found = sorted((SERVICES / "named").glob(f"{system}/*.toml"))
    return [path for path in found if EVERYTHING or not NOT_BY_DEFAULT & set(load_manifest(path).service.packages)]


def relays() -> list[Path]:
    """Return the manifests of real relays that are examined."""
    return [path for path in sorted((SERVICES / "relays").glob("*.toml")) if EVERYTHING or path.stem in RELAYS]


def main() -> None:
    """Build one root file system with all packages of the exam."""
    manifests = (*examined("reference", "zoo", "real", *(["heavy"] if EVERYTHING else [])), *relays(), *named())
    print(build_root([*packages_of(manifests), *BESIDE]))  # noqa: T201 - as dualstack rootfs build does


if __name__ == "__main__":
    main()
