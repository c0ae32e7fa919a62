"""The display-control platform: its five defects are found by name, and none is left as the document proposes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.verdict import Verdict
from tests.exam.examined import SERVICES
from tests.exam.test_exam import run, table_of
from tests.named.test_websocket import build

FOLDER = SERVICES / "named" / "msplib"
REQUIREMENTS = (
    *("START-001", "LISTEN-001", "LISTEN-002", "LISTEN-005", "LISTEN-006", "META-007"),
    *("CONNECT-001", "CONNECT-002", "CONNECT-003", "CONNECT-004"),
)
DEFECTS = {
    ("messages", "META-007"): "RC-U32",
    ("tcp", "LISTEN-006"): "RC-TWOPORTS",
    ("tcp-client", "CONNECT-001"): "RC-RESOLVER",
    ("websocket", "LISTEN-001"): "RC-V4SOCK",
    ("kafka-client", "CONNECT-003"): "RC-RESOLVER",
}
"""Where each of the five defects is found first, and its first cause."""


def test_five_defects_then_none(
    tmp_path: Path, record_property: Callable[[str, object], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """As found each of the five defects fails, and nothing else does; as proposed everything is as it should be."""
    for variant in ("off", "on"):
        build(variant, capfd)
    chosen = [word for requirement in REQUIREMENTS for word in ("--requirement", requirement)]
    records = run(tmp_path, [FOLDER / "as-found.toml", FOLDER / "as-proposed.toml"], (), *chosen)
    text, faults = table_of(records)
    record_property("exam", f"exam: msplib\n{text}")
    assert not faults, "\n".join([text, *faults])
    known = [item for item in records if item.verdict is Verdict.KNOWN]
    found = {(item.element, item.requirement): item for item in known if item.subject == "platform-as-found"}
    assert {key: found[key].causes[:1] for key in DEFECTS} == {key: (cause,) for key, cause in DEFECTS.items()}
    proposed = {(item.element, item.requirement) for item in known if item.subject == "platform-as-proposed"}
    assert proposed <= {("websocket", "LISTEN-005")}, "libwebsockets 4.1 leaves IPV6_V6ONLY to the system"
