"""Services that take more than they may: a clear verdict that names the bound, and nothing else suffers."""

from typing import TYPE_CHECKING

from dualstack.verdict import Verdict

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack", "-n", "2")

LIMITS = "\n[limits]\nprocesses = 60\nmemory = 200\noutput = 8\n"

FORK_BOMB = """\
import contextlib
server = bound()
while True:
    with contextlib.suppress(OSError):
        os.fork()
"""

THREADS = """\
import contextlib
server = bound()
import time
while True:
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""

HOG = """\
server = bound()
hoard = []
while True:
    hoard.append(b"x" * (1 << 20))
"""

FILES = """\
server = bound()
with open(os.environ["TMPDIR"] + "/file", "wb") as file:
    while True:
        file.write(b"x" * (1 << 20))
"""

FLOOD = """\
server = bound()
while True:
    os.write(1, b"still here, still here\\n" * 1000)
"""

GREEDY = {
    "forks": (FORK_BOMB, "limits.processes"),
    "threads": (THREADS, "limits.processes"),
    "hoards": (HOG, "limits.memory"),
    "files": (FILES, "limits.memory"),
    "floods": (FLOOD, "limits.output"),
}


def test_who_takes_too_much_is_killed_and_named(site: "Site") -> None:
    """Fork bombs, threads, memory, files in memory and output without end: each fails by the bound that it came to.

    A correct service beside them passes, and little is recorded of the flood.
    """
    manifests = [site.service(name, code, service=LIMITS) for name, (code, _) in GREEDY.items()]
    done = site.run(*ONE_CASE, *manifests, site.service("correct", "serve(bound())", service=LIMITS))
    assert done.code == 1, done
    assert done.records["correct"].verdict is Verdict.PASS
    for name, (_, bound) in GREEDY.items():
        record = done.records[name]
        assert record.verdict is Verdict.FAIL, record
        assert "was killed because it " in record.reason, record.reason
        assert f"({bound} in the manifest" in record.reason
        assert len(record.log) < 1 << 20
        end = "stop the service: it had ended by itself: it was killed because"
        assert any(end in step.what for step in record.steps)
    size = sum(path.stat().st_size for path in done.folder.rglob("*") if path.is_file())
    assert size < 16 << 20
