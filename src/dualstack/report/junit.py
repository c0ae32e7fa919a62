"""junit.xml: one test suite per service, one test case per case.

A failure is a verdict against the service (``fail``, ``unexpected pass``, and ``deviates`` in a strict run). An error
is a case that could not be judged (``broken lab``, ``harness error``, ``inconclusive``, ``timeout``). Skipped, with its
reason, is what needs no action (``known``, ``deviates``, ``host cannot``, ``not applicable``) and what is ``blocked``
because its service does not start: START-001 is the failure. The verdict's word is always present: as the type of the
element or at the beginning of its message, and as the property ``verdict``.

A case is named by its class (service and network), its name (requirement, part and network) and the file of its
manifest, the same in every run; GitHub and GitLab tell cases apart by these. A case that was repeated is numbered.
"""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

from dualstack.report.atomic import write_atomically
from dualstack.report.case_summary import as_text, case_summary
from dualstack.report.gate import shown_file
from dualstack.report.provenance import provenance
from dualstack.report.summary import Report
from dualstack.report.support import reason
from dualstack.report.text import visible
from dualstack.results import Record
from dualstack.runinfo import RunInfo
from dualstack.verdict import FAILURES, OUR_FAULT, Verdict

JUNIT = "junit.xml"
"""The file in a run's folder."""

_SKIPPED = frozenset({Verdict.KNOWN, Verdict.DEVIATES, Verdict.HOST_CANNOT, Verdict.NOT_APPLICABLE, Verdict.BLOCKED})


def write_junit(folder: Path, report: Report | None = None) -> Path:
    """Write the results of the run in ``folder`` as JUnit XML; return the path.

    Raises:
        OSError: The folder cannot be read or written.
    """
    root = as_element(report or Report.of(folder))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return write_atomically(folder / JUNIT, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def as_element(report: Report) -> ET.Element:
    """Return the whole run as one element."""
    suites = [
        _suite(statement.subject, [record for record in report.records if record.subject == statement.subject], report)
        for statement in report.statements
    ]
    suites.append(_run_suite(report))
    root = ET.Element("testsuites", {"name": "dualstack"} | _sums(suites))
    root.extend(suites)
    return root


def outcome(verdict: Verdict, *, strict: bool) -> str:
    """Return the JUnit element for a verdict: failure, error, skipped, or an empty text for a success."""
    if verdict in FAILURES or (strict and verdict is Verdict.DEVIATES):
        return "failure"
    if verdict in OUR_FAULT:
        return "error"
    return "skipped" if verdict in _SKIPPED else ""


def _suite(subject: str, records: list[Record], report: Report) -> ET.Element:
    """Return the suite of one service."""
    suite = ET.Element("testsuite", {"name": visible(subject)})
    started = report.run.started
    if started:
        suite.set("timestamp", visible(started))
    properties = ET.SubElement(suite, "properties")
    for label, text in provenance(report.run):
        ET.SubElement(properties, "property", {"name": label, "value": visible(text)})
    seen: Counter[str] = Counter()
    for record in records:
        seen[record.case] += 1
        suite.append(_case(record, report.run, f"~{seen[record.case]}" * (seen[record.case] > 1)))
    return _counted(suite)


def _case(record: Record, run: RunInfo, again: str) -> ET.Element:
    """Return one case; ``again`` ends the name of a case that was repeated."""
    case = ET.Element(
        "testcase",
        {
            "classname": visible(f"{record.subject}.{record.topology}"),
            "name": visible(f"{record.requirement} {record.title} [{record.key.place}]{again}"),
            "time": f"{record.seconds:.3f}",
        },
    )
    if record.manifest:
        case.set("file", visible(shown_file(record.manifest)))
        case.set("line", str(run.service(record.subject).lines.get(record.element, 1)))
    properties = ET.SubElement(case, "properties")
    for name, value in (("verdict", record.verdict.value), ("level", record.level), ("case", record.case)):
        ET.SubElement(properties, "property", {"name": name, "value": visible(value)})
    kind = outcome(record.verdict, strict=run.strict)
    text = visible(as_text(case_summary(record, run)))
    if kind:
        message = f"{record.verdict.value}: {reason(record)}"
        element = ET.SubElement(case, kind, {"type": record.verdict.value, "message": visible(message)})
        element.text = text
    elif record.verdict is Verdict.OBSERVED:
        ET.SubElement(case, "system-out").text = text
    return case


def _run_suite(report: Report) -> ET.Element:
    """Return the suite about the run itself: an error if it was interrupted, judged nothing, or has lost results."""
    suite = ET.Element("testsuite", {"name": "dualstack run"})
    case = ET.SubElement(suite, "testcase", {"classname": "dualstack", "name": "the run is complete", "time": "0"})
    incomplete = report.run.incomplete or report.missing or report.damage or not report.judged
    if incomplete:
        text = "\n".join(visible(warning) for warning in report.warnings) or report.headline
        ET.SubElement(case, "error", {"type": "incomplete", "message": text.splitlines()[0]}).text = text
    return _counted(suite)


def _counted(suite: ET.Element) -> ET.Element:
    """Set a suite's counts and time from its cases."""
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(kind) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    return suite


def _sums(suites: list[ET.Element]) -> dict[str, str]:
    """Return the suites' counts and times, added up."""
    sums = {
        key: sum(int(suite.get(key, "0")) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    }
    seconds = sum(float(suite.get("time", "0")) for suite in suites)
    return {key: str(value) for key, value in sums.items()} | {"time": f"{seconds:.3f}"}
