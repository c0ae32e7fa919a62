"""Komodo before and after its fix: each bug is caught by what its manifest names, and for its true cause."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.manifest import load_manifest
from dualstack.verdict import Verdict
from tests.exam.test_exam import run, table_of
from tests.named.rust import NAMED, build

REQUIREMENTS = (
    "START-001",
    "LISTEN-001",
    "LISTEN-002",
    "LISTEN-003",
    "LISTEN-004",
    "LISTEN-005",
    "LISTEN-009",
    "LISTEN-011",
    "INTEROP-001",
    "SEC-001",
)

CAUSES = {
    ("core-1.17.0", "LISTEN-001"): "RC-V4SOCK",
    ("core-1.17.0", "LISTEN-002"): "RC-V4SOCK",
    ("core-1.17.0", "LISTEN-005"): "RC-V4SOCK",
    ("core-1.17.1", "LISTEN-004"): "RC-NOINET6",
    ("core-1.17.1", "LISTEN-005"): "RC-V6ONLY",
    ("periphery-1.17.0", "LISTEN-001"): "RC-V4SOCK",
    ("periphery-1.17.0", "LISTEN-002"): "RC-V4SOCK",
    ("periphery-1.17.0", "LISTEN-005"): "RC-V4SOCK",
    ("periphery-1.17.1", "LISTEN-004"): "RC-NOINET6",
    ("periphery-1.17.1", "LISTEN-005"): "RC-V6ONLY",
    ("periphery-1.17.1", "SEC-001"): "RC-ACLTEXT",
    ("periphery-1.19.0", "LISTEN-004"): "RC-NOINET6",
    ("periphery-1.19.0", "LISTEN-005"): "RC-V6ONLY",
}
"""The first cause of each failure, by manifest and requirement; there are no other failures."""


@pytest.mark.exam
def test_komodo(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    """K1-K9: before the fix no IPv6 client is served; after it what is left fails for its own cause, then nothing."""
    build("komodo", "rust", capfd)
    manifests = sorted((NAMED / "komodo").glob("*.toml"))
    chosen = [word for name in REQUIREMENTS for word in ("--requirement", name)]
    records = run(tmp_path, manifests, (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"exam: komodo\n{text}")
    assert not faults, "\n".join([text, *faults])
    known = [item for item in records if item.verdict is Verdict.KNOWN]
    failures = {(item.subject.removeprefix("komodo-"), item.requirement): item.causes[:1] for item in known}
    refused = next(item for item in known if item.requirement == "START-001")
    del failures[refused.subject.removeprefix("komodo-"), "START-001"]
    assert failures == {key: (cause,) for key, cause in CAUSES.items()}
    assert refused.subject == "komodo-core-without-brackets"
    assert 'failed to parse listen address ":::9120"' in refused.reason


@pytest.mark.parametrize("path", sorted((NAMED / "komodo" / "images").glob("*.toml")), ids=lambda path: path.stem)
def test_images_of_komodo(path: Path) -> None:
    """The manifests of the public images are valid; a user with a registry runs them with ``--lab docker``."""
    manifest = load_manifest(path)
    assert manifest.image is not None
    assert manifest.image.name == f"komodo-{path.stem.replace('-', ':')}"
