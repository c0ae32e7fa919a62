"""``dualstack shell``: a shell, or one command, inside a host of a lab in which the service runs."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from dualstack.cli.main import main
from dualstack.cli.parser import make_parser
from dualstack.lab.shelling import set_size
from dualstack.start import main as start
from dualstack.wire.evidence import read_capture
from tests.cli.talk import Talk
from tests.lab.test_ordinary_user import NOBODY, ordinary_python

Command = Callable[..., CompletedProcess[str]]

SERVER = """
import socket
server = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"hello\\n")
"""

MANIFEST = f"""
schema = 1
[service]
name = "shop"
command = ["{sys.executable}", "server.py"]
[[listen]]
name = "web"
port = 8080
protocol = "connect"
"""

CLIENT = "import socket, sys; print(socket.create_connection((sys.argv[1], 8080), 5).recv(9).decode(), end='')"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return the manifest of a service that greets."""
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def test_words_after_the_dashes() -> None:
    """What follows ``--`` is the command, as it is, also with options and further dashes."""
    options = make_parser().parse_args(["shell", "dual-stack", "--host", "client", "--", "ls", "-l", "--", "--host"])
    assert (options.topology, options.manifest, options.host) == ("dual-stack", None, "client")
    assert options.words == ["ls", "-l", "--", "--host"]
    assert make_parser().parse_args(["shell", "dual-stack", "x.toml"]).words == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dual-stak"], "no topology 'dual-stak'"),
        (["dual-stack"], "a shell needs a terminal; to run one command: dualstack shell dual-stack -- COMMAND"),
        (["dual-stack", "--host", "clint", "--", "true"], "has no host 'clint' (there are: service, client, peer)"),
        (["dual-stack", "--host", "clint", "--", "true"], "; did you mean 'client'?"),
        (["dual-stack", "none.toml", "--", "true"], "none.toml"),
        (["dual-stack", "--lab", "docker", "--", "true"], "--lab docker: no shell in a docker lab: its hosts have no"),
    ],
)
def test_wrong_words(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not exist is refused with what does, before a lab is made."""
    assert main(["shell", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_choice_of_configurations(manifest: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several configurations one must be chosen."""
    text = MANIFEST + '[[configuration]]\nname = "a"\n[[configuration]]\nname = "b"\n'
    manifest.write_text(text, encoding="utf-8")
    assert main(["shell", "dual-stack", str(manifest), "--", "true"]) == 2
    assert "it has several configurations; choose one with --configuration: a, b" in capsys.readouterr().err


@pytest.mark.lab
def test_a_command_in_the_clients_host(dualstack: Command, manifest: Path, tmp_path: Path) -> None:
    """A command reaches the service, has its own exit code, and its packets are in the capture that is kept."""
    code = f"{CLIENT}; sys.exit(7)"
    words = ["shell", "dual-stack", "service.toml", "--capture", "kept.pcap", "--", sys.executable, "-c", code]
    done = dualstack(*words, "2001:db8:51:1::101")
    assert (done.returncode, done.stdout) == (7, "hello\n"), done.stderr
    assert "this is host peer, and exit ends the lab" in done.stderr
    assert re.search(r"  shop on service is ready after \d+ ms\n", done.stderr)
    assert "  try       nc -v 2001:db8:51:1::101 8080\n" in done.stderr
    found = read_capture(tmp_path / "kept.pcap", nonce="")
    assert any(frame.dport == 8080 for frame in found.frames)


@pytest.mark.lab
def test_a_service_that_does_not_start(dualstack: Command, manifest: Path, tmp_path: Path) -> None:
    """A service that does not start leaves the lab, and the reason is shown; the command runs on its host."""
    (tmp_path / "server.py").write_text("raise SystemExit('no database')", encoding="utf-8")
    words = ["shell", "ipv6-only", "--host", "service", str(manifest), "--", "sh", "-c", "echo $DUALSTACK_HOST"]
    done = dualstack(*words)
    assert (done.returncode, done.stdout) == (0, "service\n")
    assert "shop on service is not ready: " in done.stderr
    assert "no database" in done.stderr


@pytest.mark.lab
@pytest.mark.parametrize(("program", "code"), [("/no/such/program", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_run(dualstack: Command, program: str, code: int) -> None:
    """A program that does not exist or is not executable has the exit code that a shell gives it."""
    done = dualstack("shell", "dual-stack", "-q", "--", program)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"dualstack: {program}: ")


@pytest.mark.lab
def test_a_terminal(manifest: Path) -> None:
    """At a terminal Ctrl-C ends the program inside and not the lab, the window's size is known, and exit ends all."""
    with _at_a_terminal(["shell", "dual-stack", str(manifest)], manifest.parent) as talk:
        talk.until("exit ends the lab")
        talk.say("PS1='lab> '; stty size; tty\n")
        talk.until("24 100")
        talk.until("/dev/pts/")
        talk.say("sh -c \"printf 'r%s\\n' eady; exec sleep 1000\"\n")  # a program says so that is in the foreground
        talk.until("ready\r\n")
        talk.say("\x03")
        talk.until("lab> ")
        talk.say(f'{sys.executable} -c "{CLIENT}" 198.51.100.1\n')
        talk.until("hello\r\n")
        talk.say("exit 5\n")
        assert talk.exit_code() == 5


@pytest.mark.lab
@pytest.mark.skipif(os.getuid() != 0, reason="every test here runs as an ordinary user already")
def test_an_ordinary_user() -> None:
    """It needs no root, and no group of the folder's: the service is ready, and a file that is made is the user's."""
    python, environment = ordinary_python()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, NOBODY, 0)
        (folder / "server.py").write_text(SERVER, encoding="utf-8")
        (folder / "service.toml").write_text(MANIFEST.replace(sys.executable, python), encoding="utf-8")
        words = ["shell", "dual-stack", "service.toml", "--", "sh", "-c", "touch made; exit 4"]
        done = subprocess.run(
            [python, "-m", "dualstack", *words],
            cwd=folder,
            env={**environment, "HOME": name},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 4, done.stderr
        assert "shop on service is ready after" in done.stderr
        assert (folder / "made").stat().st_uid == NOBODY


@contextlib.contextmanager
def _at_a_terminal(words: list[str], folder: Path) -> Iterator[Talk]:
    """Run ``dualstack`` with these words at a terminal of 24 lines and 100 columns."""
    pid, terminal = pty.fork()
    if pid == 0:
        code = 1
        try:
            os.chdir(folder)
            os.environ |= {"SHELL": "/bin/sh", "TERM": "dumb"}
            set_size(0, (24, 100))
            sys.argv = ["dualstack", *words]
            sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
            code = start()
        finally:
            os._exit(code)
    try:
        yield Talk(pid, terminal)
    finally:
        os.close(terminal)
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
