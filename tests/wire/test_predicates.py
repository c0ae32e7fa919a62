"""Every predicate: it holds on a good capture, fails on bad ones, and says nothing of captures that prove nothing."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.errors import Inconclusive
from dualstack.finding import Finding
from tests.wire.cases import advertised, datagrams, dialling, eyeballs, pathmtu, presence, routing, streams, transition
from tests.wire.cases.case import Case
from tests.wire.packets import MakeCapture

MODULES = (dialling, eyeballs, datagrams, transition, pathmtu, routing, streams, advertised, presence)
CASES = [case for module in MODULES for case in module.CASES]

EVERY = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@EVERY
def test_holds_on_a_good_capture(case: Case, make_capture: MakeCapture) -> None:
    """What is as it must be is found to be so."""
    for good in [case.good, *case.more_good]:
        finding = case.call(make_capture(*good))
        assert finding.ok, finding.happened


@EVERY
def test_fails_on_a_bad_capture(case: Case, make_capture: MakeCapture) -> None:
    """What is not as it must be is found, and the finding says what there was instead, with packets."""
    assert case.bad
    for bad, said in case.bad:
        finding = case.call(make_capture(*bad))
        assert not finding.ok, bad
        assert said in finding.happened
        assert finding.packets
        assert finding.expected != finding.happened


@EVERY
def test_what_is_said(case: Case, make_capture: MakeCapture) -> None:
    """Every finding reads as it was read and approved: what was expected, what happened, the packets that show it.

    After a change on purpose: ``DUALSTACK_RECORD=1 pytest tests/wire/test_predicates.py``, then read the difference.
    """
    captures = [case.good, *case.more_good, *(bad for bad, _ in case.bad), []]
    said = "\n".join(_words(lambda: case.call(make_capture(*frames))) for frames in captures)  # noqa: B023 - called at once
    path = Path(__file__).with_name("findings") / f"{re.sub('[^a-z0-9]+', '-', case.name.lower())}.txt"
    if os.environ.get("DUALSTACK_RECORD"):
        path.write_text(said, encoding="utf-8")
    assert said == path.read_text(encoding="utf-8")


def _words(judge: Callable[[], Finding]) -> str:
    """Return all that a predicate says, line by line."""
    try:
        finding = judge()
    except Inconclusive as error:
        return f"inconclusive: {str(error).partition('made.pcap')[2]}\n"
    lines = [f"ok: {finding.ok}", f"expected: {finding.expected}", f"happened: {finding.happened}", *finding.packets]
    return "\n".join(lines) + "\n"


@EVERY
def test_empty_capture_proves_nothing(case: Case, make_capture: MakeCapture) -> None:
    """A capture without frames and witnesses allows no statement, whatever is asked."""
    with pytest.raises(Inconclusive):
        case.call(make_capture(witnessed=()))


@EVERY
def test_live_capture_without_the_flow(case: Case, make_capture: MakeCapture) -> None:
    """With witnesses but no frame only an absence is proved; everything else stays open."""
    if case.vacuous:
        assert case.call(make_capture()).ok
        return
    with pytest.raises(Inconclusive):
        case.call(make_capture())


@EVERY
def test_drops_prove_nothing(case: Case, make_capture: MakeCapture) -> None:
    """Where the kernel dropped frames nothing is concluded, neither good nor bad."""
    for frames in (case.good, *(bad for bad, _ in case.bad)):
        with pytest.raises(Inconclusive, match="dropped 3 frames"):
            case.call(make_capture(*frames, drops=3))


@EVERY
def test_truncated_file_proves_nothing(case: Case, make_capture: MakeCapture) -> None:
    """Nor where the capture file is truncated."""
    with pytest.raises(Inconclusive, match="truncated"):
        case.call(make_capture(*case.good, cut=1))


@pytest.mark.parametrize("case", [case for case in CASES if case.needs], ids=lambda case: case.name)
def test_absence_needs_its_witness(case: Case, make_capture: MakeCapture) -> None:
    """What is absent must have been visible: without the witnesses of that family nothing is concluded."""
    for family in case.needs:
        with pytest.raises(Inconclusive, match=f"no {family.label} witness"):
            case.call(make_capture(*case.good, witnessed=(family.other,)))
    assert case.call(make_capture(*case.good, witnessed=case.needs)).ok
