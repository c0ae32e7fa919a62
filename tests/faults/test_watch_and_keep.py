"""``run --watch`` and ``run --keep``: they last until the user ends them, and then nothing is left."""

import os
import pty
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from dualstack.errors import INTERRUPTED
from dualstack.results import read_records
from dualstack.verdict import Verdict
from tests.cli.talk import Talk
from tests.faults.conftest import PRELUDE

if TYPE_CHECKING:
    from tests.faults.conftest import Site

ONE_CASE = ("--requirement", "LISTEN-001", "--topology", "dual-stack", "-n", "1")

IPV4_ONLY = "serve(socket.create_server(('0.0.0.0', 7007)))"

CLIENT = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 9); s.send(b'hi'); \
print(s.recv(9).decode() + ' there')"
"""Prints ``hi there`` if the service answers."""


def verdicts(site: "Site") -> list[Verdict]:
    """Return the verdicts of the newest run."""
    return [record.verdict for record in read_records(site.results / "latest")]


def test_watch_runs_again_after_a_change(site: "Site") -> None:
    """The program is corrected: a second run follows, and passes. Results start no run, and SIGINT ends it."""
    watched = site.folder / "watched"
    watched.mkdir()
    site.results = watched / "results"
    manifest = site.service("shop", IPV4_ONLY).rename(watched / "shop.toml")
    live = site.start("--watch", *ONE_CASE, manifest)
    live.has_said("waiting for a change")
    assert verdicts(site) == [Verdict.FAIL]
    (site.folder / "shop.py").write_text(f"{PRELUDE}serve(bound())", encoding="utf-8")
    live.has_said("waiting for a change", times=2)
    assert verdicts(site) == [Verdict.PASS]
    live.send(signal.SIGINT)
    done = live.done(seconds=9)
    assert done.code == INTERRUPTED, done
    assert [line for line in done.out.splitlines() if line.startswith("changed: ")] == ["changed: shop.py"]
    assert len([path for path in site.results.iterdir() if not path.is_symlink()]) == 2
    assert "Traceback" not in done.out + done.err


def test_keep_opens_a_shell_in_the_lab(site: "Site") -> None:
    """After a failure a lab lasts until the user leaves its shell; the commands that are printed work."""
    site.service("shop", IPV4_ONLY)
    talk = at_a_terminal(site, "run", "--keep", "--results", str(site.results), *ONE_CASE, "shop.toml")
    talk.until("shell     dualstack ")
    printed = shlex.split(talk.until("\r\n"))
    talk.until("exit ends the lab")
    talk.until("  try       nc -v ")
    address, port = talk.until("\r\n").split()
    site.meet_tenants()
    assert any("in a namespace of the run" in line for line in site.left(seconds=0))
    client = [sys.executable, "-c", CLIENT, address, port]
    talk.say(f"{shlex.join(client)}\n")
    talk.until("hi there\r\n")
    talk.say("exit 5\n")
    assert talk.exit_code() == 1
    assert site.left() == []
    command = [sys.executable, "-P", "-m", "dualstack", *printed, "--quiet", "--", *client]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=site.folder, env=site.variables, check=False, timeout=100
    )
    assert (done.returncode, done.stdout) == (0, "hi there\n"), done.stderr


def at_a_terminal(site: "Site", *words: str) -> Talk:
    """Start ``dualstack`` with these words at a terminal, in a site's folder."""
    pid, terminal = pty.fork()
    if pid == 0:
        try:
            os.chdir(site.folder)
            more = {"SHELL": "/bin/sh", "TERM": "dumb", "COLUMNS": "200"}
            os.execve(sys.executable, [sys.executable, "-P", "-m", "dualstack", *words], site.variables | more)  # noqa: S606
        finally:
            os._exit(127)
    return Talk(pid, terminal)
