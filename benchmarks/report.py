"""The report of a run with 5,000 results and 40 services: its size, what it costs to make, and when a browser is ready.

The results are real: those of two services, multiplied. Seconds are processor seconds, so that a busy machine changes
them little. Without Chromium and playwright the part about the browser is left out.
"""

import itertools
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dualstack.content import ROOT
from dualstack.results import RECORDS, RUN

SERVICES, RESULTS = 40, 5000
MANIFESTS = [ROOT / "fixtures" / "services" / name for name in ("reference/echo.toml", "zoo/hardcoded-wildcard.toml")]
_MADE = """
import sys
from pathlib import Path
from dualstack.report import render_report
render_report(Path(sys.argv[1]))
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1])
"""
"""Makes a report and prints the most KiB that its process had; the kernel's ru_maxrss includes the parent's memory."""


_CHANGING = re.compile(r"(?<![\w.:])\d{5}(?![\w.])|\b\d+\.\d+(?= ms)|\b[0-9a-f]{8}(?=\.lab\.test)")
"""What differs between two results of one kind: ports of clients, milliseconds, and the nonce of a name."""


def multiply(source: Path, folder: Path, *, services: int, results: int) -> None:
    """Write the folder of a run with so many services and results, made from the results in ``source``.

    Results of cases that ran come first, so that each service has as many of them as possible. Ports of clients, times
    and nonces differ from result to result, as in a real run. The same arguments give the same folder.

    Raises:
        OSError: A folder cannot be read or written.
        ValueError: ``source`` has too few results.
    """
    run: dict[str, Any] = json.loads((source / RUN).read_text(encoding="utf-8"))
    lines = (source / RECORDS).read_text(encoding="utf-8").splitlines()
    own: dict[str, list[dict[str, Any]]] = {}
    for item in sorted(map(json.loads, lines), key=lambda item: not item["steps"]):
        own.setdefault(item["subject"], []).append(item)
    names = [name for name, _ in zip(itertools.cycle(sorted(own)), range(services), strict=False)]
    if sum(len(own[name]) for name in names) < results:
        raise ValueError(f"{source}: it has too few results for {results} of {services} services")
    subjects = {item["name"]: item for item in run["subjects"]}
    numbered = [(name, _renamed(name, number)) for number, name in enumerate(names, 1)]
    folder.mkdir(parents=True, exist_ok=True)
    run |= {"subjects": [{**subjects[name], "name": made} for name, made in numbered], "planned": results}
    (folder / RUN).write_text(json.dumps(run), encoding="utf-8")
    made = itertools.islice(_records(numbered, own), results)
    (folder / RECORDS).write_text("".join(f"{line}\n" for line in made), encoding="utf-8")


def _renamed(name: str, number: int) -> str:
    """Return the name of a copy of a service; its configuration stays."""
    service, slash, configuration = name.partition("/")
    return f"{service}-{number:02}{slash}{configuration}"


def _records(numbered: list[tuple[str, str]], own: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the lines of the records: the first one of each service, then the second ones, and so on."""
    chance = random.Random(1)  # noqa: S311 - varied texts, no secret
    for place in range(max(map(len, own.values()))):
        for name, made in numbered:
            for item in own[name][place : place + 1]:
                copy = item | {"subject": made, "case": item["case"].replace(f":{name}:", f":{made}:", 1)}
                yield _CHANGING.sub(lambda match: _other(match[0], chance), json.dumps(copy, ensure_ascii=False))


def _other(text: str, chance: random.Random) -> str:
    """Return another port, time or nonce."""
    if "." in text:
        return f"{float(text) * chance.uniform(0.8, 1.2):.{len(text.partition('.')[2])}f}"
    return f"{chance.randrange(16**8):08x}" if len(text) == len("01234567") else str(chance.randrange(32768, 61000))


def made(folder: Path) -> tuple[float, float, float]:
    """Make the report of a run's folder in a process; return its MB, processor seconds and MiB of memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", _MADE, str(folder)], check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (folder / "report.html").stat().st_size / 1e6, seconds, int(done.stdout) / 1024


def shown(report: Path, program: str) -> float:
    """Return the processor seconds of the page's main thread until its cases are listed."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only with a browser

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program)
        page = browser.new_page()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready]")
        metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
        browser.close()
    return float(metrics["TaskDuration"])


def main() -> None:
    """Print the figures with their targets; exit with 1 if one is missed."""
    figures: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name, "small"), Path(name, "large")
        command = [sys.executable, "-m", "dualstack", "run", "--ignore-known", "--results", str(small), *MANIFESTS]
        subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        multiply(small / "latest", large, services=SERVICES, results=RESULTS)
        began = time.process_time()
        (large / RECORDS).read_bytes().decode()
        reading = time.process_time() - began
        size, seconds, memory = made(large)
        figures += [("MB of report.html", size, 5), ("seconds to make it", seconds, 5), ("MiB to make it", memory, 200)]
        print(f"making it takes {seconds / max(reading, 1e-3):.0f} times as long as reading the results' text")
        if program := shutil.which("chromium"):
            figures.append(("seconds until the page is ready", shown(large / "report.html", program), 1))
    for what, value, target in figures:
        print(f"{RESULTS} results, {SERVICES} services: {what}: {value:.2f} (target {target} at most)")
    sys.exit(any(value > target for _, value, target in figures))


if __name__ == "__main__":
    main()
