"""Programs on a host: how they succeed, and every way in which they fail."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, ServiceError, UsageError
from dualstack.families import BOTH, Family
from dualstack.lab.protocol import Program
from dualstack.prober.client import Prober, ProgramHandle
from dualstack.prober.messages import Await, Dial, Exit, Hold, Launch
from dualstack.prober.processes import is_ending, processes
from dualstack.protocols.judgement import Outcome
from dualstack.transport import AppProtocol, Transport

PORT = 7400
Start = Callable[..., ProgramHandle]

LISTENING = Await(PORT, Transport.TCP, None, 10)
SERVER = f'import socket, signal; s = socket.create_server(("127.0.0.1", {PORT})); '
PAUSE = "signal.pause()"


def soon(what: str = "the program") -> Deadline:
    """Return a deadline that a working program never reaches."""
    return Deadline(10, what)


# --- success ----------------------------------------------------------------------------------------------------------


def test_a_program_runs_and_ends(start: Start) -> None:
    """Its exit code and its output, both streams as one, are reported."""
    program: Program = start("import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)")
    assert program.wait(soon()) == Exit(3)
    assert program.poll() == Exit(3)
    assert program.log().text == "out\nerr\n"


def test_a_signal_that_ended_it_is_named(start: Start) -> None:
    """A program that a signal ends has no exit code."""
    program = start("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert program.wait(soon()) == Exit(None, "SIGSEGV")


def test_the_first_process_alone_is_sent_a_signal(start: Start) -> None:
    """Processes that it forked get no signal and keep running, until the program is stopped."""
    program = start(f"import os; {SERVER} os.fork() or print('both', flush=True); {PAUSE}")
    assert program.wait_log("both", soon()) is not None
    program.signal("SIGKILL")
    assert program.wait(soon()) == Exit(None, "SIGKILL")
    left = program.wait_ready(LISTENING)
    assert left.ready, left.detail
    assert "what it left behind is ready" in left.detail
    program.signal("SIGKILL")
    assert program.stop("SIGTERM", soon()) == Exit(None, "SIGKILL")


def test_a_closed_connection_of_a_program_that_ends_tells_that_it_has_ended(prober: Prober, start: Start) -> None:
    """After its end has closed a connection, its exit code is returned, though it is reaped 0.2 s later."""
    script = f"""
import os, subprocess, sys
{SERVER}
parent = os.getppid()
client, _ = s.accept()
client.recv(9)
os.kill(parent, signal.SIGSTOP)
subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -CONT {{parent}}"])  # a shell starts at once, on a busy machine too
os._exit(3)
"""
    program = start(script)
    assert program.wait_ready(LISTENING).ready
    dialled = prober.dial(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO))
    assert dialled.outcome is not Outcome.ANSWERED
    assert program.poll() == Exit(3)


def test_threads_that_run_keep_a_process_from_ending() -> None:
    """A zombie is ending; a process whose main thread alone has ended is not."""
    script = "import ctypes, threading, signal; {} ctypes.CDLL(None).pthread_exit(None)"
    ended = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    assert soon().until(lambda: is_ending(ended))
    os.waitpid(ended, 0)
    other = "threading.Thread(target=lambda: [print(flush=True), threading.Event().wait()]).start();"
    with subprocess.Popen([sys.executable, "-c", script.format(other)], stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.read(1)
        assert soon().until(lambda: processes()[running.pid].state == "Z")
        assert not is_ending(running.pid)
        running.kill()


def test_an_unknown_signal_is_no_signal(start: Start) -> None:
    """An unknown signal is refused, and the program keeps running."""
    program = start(f"import signal; {PAUSE}")
    with pytest.raises(UsageError, match="SIGNOTHING"):
        program.signal("SIGNOTHING")
    assert program.poll() is None


def test_input_is_read_and_ends(prober: Prober, launch: Callable[..., Launch]) -> None:
    """It reads its input, also more than the default size of a pipe, then the end of file."""
    for text in ("", "héllo\n", "x" * 300_000):
        program = prober.start(launch("wc", "-c", input=text))
        assert program.wait(soon()) == Exit(0)
        assert int(program.log().text) == len(text.encode())


def test_too_much_input_is_refused(prober: Prober, launch: Callable[..., Launch]) -> None:
    """Input of more than the largest pipe is refused instead of blocking."""
    with pytest.raises(UsageError, match="1048576 bytes"):
        prober.start(launch("cat", input="x" * (1 << 20) + "x"))


def test_it_gets_its_own_world(prober: Prober, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """Environment and folder are those of the launch, signals are at their defaults, it leads a session, no core."""
    folder = tmp_path / "a folder with spaces and ü"
    folder.mkdir()
    script = """
import os, resource, signal
print(sorted(os.environ), os.getcwd(), os.getsid(0) == os.getpid(), resource.getrlimit(resource.RLIMIT_CORE),
      sorted(os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
for line in open("/proc/self/status"):
    if line.startswith(("SigBlk", "SigIgn")): print(line.split()[1])
"""
    program = prober.start(launch("/bin/sh", "-c", 'exec "$0" -c "$1"', sys.executable, script, directory=str(folder)))
    assert program.wait(soon()) == Exit(0), program.log().text
    world, blocked, ignored = program.log().text.splitlines()
    # The interpreter itself ignores SIGPIPE (13) and SIGXFSZ (25); the C library reserves 32
    # and 33. Signals that the agent ignores are at their defaults.
    untold = sum(1 << number - 1 for number in (13, 25, 32, 33))
    assert (int(blocked, 16), int(ignored, 16) & ~untold) == (0, 0)
    assert str(folder) in world
    assert "True (0, 0) ['0', '1', '2'] 4" in world, world
    assert "HOME" not in world


def test_ready_when_it_listens(start: Start) -> None:
    """Listening on the port is enough."""
    program = start(SERVER + PAUSE)
    ready = program.wait_ready(LISTENING)
    assert (ready.ready, ready.exit, ready.detail) == (True, None, "it is ready")


def test_bound_is_not_listening(start: Start) -> None:
    """A TCP socket that is bound and does not listen is not ready; a bound UDP socket is."""
    bind = "import socket, signal; s = socket.socket(type=socket.{}); s.bind(('127.0.0.1', {})); signal.pause()"
    tcp, udp = start(bind.format("SOCK_STREAM", PORT)), start(bind.format("SOCK_DGRAM", PORT))
    assert udp.wait_ready(Await(PORT, Transport.UDP, None, 10)).ready
    missing = tcp.wait_ready(Await(PORT, Transport.TCP, None, 0.3))
    assert not missing.ready
    assert re.fullmatch(rf"it is still not listening on TCP port {PORT} after \d+ ms", missing.detail)


@pytest.mark.parametrize(
    ("kind", "wanted", "instead"),
    [("SOCK_STREAM", Transport.TCP, "; it listens on TCP port 7401 instead"), ("SOCK_DGRAM", Transport.TCP, "")],
)
def test_another_port_is_named(start: Start, kind: str, wanted: Transport, instead: str) -> None:
    """If a program listens on another port of the transport, that port is named."""
    code = f"import socket, signal; s = socket.socket(type=socket.{kind}); s.bind(('127.0.0.1', {PORT + 1}))"
    code += "; s.listen()" * (kind == "SOCK_STREAM") + "; print('up', flush=True); signal.pause()"
    program = start(code)
    assert program.wait_ready(Await(0, wanted, "up", 10)).ready
    detail = program.wait_ready(Await(PORT, wanted, None, 0.2)).detail
    assert re.fullmatch(rf"it is still not listening on TCP port {PORT} after \d+ ms{instead}", detail)


def test_both_conditions_must_hold(start: Start) -> None:
    """With a line and a port, both are required."""
    program = start(SERVER + PAUSE)
    assert program.wait_ready(LISTENING).ready
    late = program.wait_ready(Await(PORT, Transport.TCP, "^ready$", 0.2))
    assert not late.ready
    assert re.fullmatch(r"no line of its output matches '\^ready\$' \(after \d+ ms\)", late.detail)


def test_without_conditions_it_is_ready_at_once(start: Start) -> None:
    """Without conditions a program is ready when it runs."""
    assert start("import signal; signal.pause()").wait_ready(Await(0, Transport.TCP, None, 10)).ready


def test_a_child_may_listen_for_it(start: Start) -> None:
    """The socket may belong to any process that it forked."""
    program = start(f"import os, signal\nif not os.fork():\n  {SERVER}{PAUSE}\nsignal.pause()")
    assert program.wait_ready(LISTENING).ready


def test_a_polite_program_ends_by_itself(start: Start) -> None:
    """Stop returns how it ended, and none of its processes is left."""
    handler = "signal.signal(15, lambda *_: sys.exit(7))"
    program = start(f"import signal, sys; {handler}; print('up', flush=True)\nwhile 1: signal.pause()")
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert program.stop("SIGTERM", soon()) == Exit(7)
    assert program.stop("SIGTERM", soon()) == Exit(7)


def test_a_default_signal_ends_it(start: Start) -> None:
    """A program without a handler is ended by the signal."""
    program = start("import signal; print('up', flush=True); signal.pause()")
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert program.stop("SIGTERM", soon()) == Exit(None, "SIGTERM")


def test_an_unknown_signal_is_refused(start: Start) -> None:
    """There is no SIGNOTHING."""
    with pytest.raises(UsageError, match="SIGNOTHING"):
        start("import signal; signal.pause()").stop("SIGNOTHING", soon())


SPLIT = f"""
import signal, socket, sys
six = socket.socket(socket.AF_INET6); six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(("::", {PORT})); six.listen(); print("six", flush=True)
sys.stdin.read()
if {{second}}:
    signal.sigtimedwait([], 0.1)
    four = socket.create_server(("0.0.0.0", {PORT}))
signal.pause()
"""


@pytest.mark.parametrize("second", [True, False])
def test_the_other_family_is_waited_for(start: Start, second: bool) -> None:  # noqa: FBT001 - a parameter
    """The second family's socket is waited for, for at most ``grace``."""
    program = start(SPLIT.format(second=second))
    ready = program.wait_ready(Await(PORT, Transport.TCP, None, 10, families=BOTH, grace=0.3 if not second else 5))
    assert ready.ready
    assert ready.seconds >= 0.1
    if not second:
        assert ready.seconds >= 0.3


def test_a_line_is_waited_for(start: Start) -> None:
    """A line counts from a byte of the output on; without one the answer is None when the time is up."""
    program = start("import signal\nfor n in range(3): print('line', n, flush=True)\nsignal.pause()")
    assert program.wait_log(r"^line 2$", soon()) == "line 2"
    assert program.wait_log(r"^line \d$", soon()) == "line 0"
    assert program.wait_log(r"^line \d$", soon(), since=len("line 0\n")) == "line 1"
    assert program.wait_log(r"^line \d$", Deadline(0.1, "a line"), since=program.log().size) is None


# --- failures ---------------------------------------------------------------------------------------------------------


def test_it_ends_at_once(start: Start) -> None:
    """The wait ends with the program, before the timeout, and says how it ended; its output is complete."""
    program = start("import sys; print('no config'); sys.exit(1)")
    ready = program.wait_ready(LISTENING)
    assert (ready.ready, ready.exit) == (False, Exit(1))
    assert ready.seconds < 9
    assert re.fullmatch(r"it exited with code 1 after \d+ ms", ready.detail)
    assert program.log().text == "no config\n"


def test_what_has_ended_is_not_ready(start: Start) -> None:
    """A program that writes the line of its readiness and ends is not ready."""
    program = start("print('ready')")
    program.wait(soon())
    ready = program.wait_ready(Await(0, Transport.TCP, "ready", 10))
    assert (ready.ready, ready.exit) == (False, Exit(0))


def test_it_never_listens(start: Start) -> None:
    """The wait ends at the timeout, and says what is missing."""
    ready = start("import signal; signal.pause()").wait_ready(Await(PORT, Transport.TCP, "up", 0.3))
    assert (ready.ready, ready.exit) == (False, None)
    assert ready.seconds >= 0.3
    said = rf"no line of its output matches 'up', and it is still not listening on TCP port {PORT} after \d+ ms"
    assert re.fullmatch(said, ready.detail)


def test_it_listens_late(start: Start) -> None:
    """A port that opens after a while is waited for."""
    program = start("import time; time.sleep(0.5); " + SERVER + "print(time.monotonic(), flush=True); " + PAUSE)
    ready = program.wait_ready(LISTENING)
    assert ready.ready
    assert ready.seconds >= 0.5


def test_another_owns_the_port(prober: Prober, start: Start) -> None:
    """A port that the prober or another program holds does not make this one ready; the detail names the owner."""
    with prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)):
        ready = start("import signal; signal.pause()").wait_ready(Await(PORT, Transport.TCP, None, 0.2))
    assert not ready.ready
    assert ready.detail.startswith(f"TCP port {PORT} belongs to prober(1), not to it (after ")
    first = start(SERVER + PAUSE)
    assert first.wait_ready(LISTENING).ready
    second = start("import signal; signal.pause()").wait_ready(Await(PORT, Transport.TCP, None, 0.2))
    assert not second.ready
    assert f"TCP port {PORT} belongs to python" in second.detail


def test_it_floods_its_log(prober: Prober, start: Start) -> None:
    """A large output is drained, bounded in memory and counted; the prober answers meanwhile."""
    flood = "for _ in range(900): os.write(1, b'0123456789abcde\\n' * 4096)"
    program = start(f"import os\nprint('begin', flush=True)\n{flood}\nprint('end')")
    for _ in range(50):
        prober.ping()
    assert program.wait(Deadline(60, "the flood's end")) == Exit(0)
    log = program.log()
    assert log.size == 6 + 900 * 65536 + 4
    assert len(log.text) < 400_000
    assert log.text.startswith("begin\n")
    assert log.text.endswith("abcde\nend\n")
    assert "bytes left out" in log.text


def test_an_endless_flood_is_stopped(start: Start) -> None:
    """A program that never stops writing becomes ready and is stopped like any other."""
    program = start(SERVER + "import os\nwhile 1: os.write(1, b'x' * 65536)")
    assert program.wait_ready(LISTENING).ready
    assert program.stop("SIGTERM", soon()) == Exit(None, "SIGTERM")


def test_it_ignores_sigterm(start: Start) -> None:
    """A program that does not end within the deadline is killed, and stop returns None."""
    program = start(
        "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\nwhile 1: signal.pause()"
    )
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert program.stop("SIGTERM", Deadline(0.2, "its end")) is None
    assert program.poll() == Exit(None, "SIGKILL")


FORKS_AWAY = f"""
import os, signal, socket
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
{SERVER}
open("daemon", "w").write(str(os.getpid()))
{{handler}}
while 1: signal.pause()
"""


def test_it_forks_away(prober: Prober, start: Start, tmp_path: Path) -> None:
    """A daemon in another session makes the program ready, the detail says so, and stop ends it."""
    program = start(FORKS_AWAY.format(handler=""))
    program.wait(soon("its parent's end"))
    ready = program.wait_ready(LISTENING)
    assert (ready.ready, ready.exit) == (True, Exit(0)), ready
    assert ready.detail.startswith("it exited with code 0, and what it left behind is ready: python")
    assert program.stop("SIGTERM", soon()) == Exit(0)
    assert [row for row in prober.sockets(Transport.TCP) if row.port == PORT and row.state == "LISTEN"] == []


def test_what_forked_away_is_killed(prober: Prober, start: Start) -> None:
    """A daemon that ignores the signal is killed like the program itself."""
    program = start(FORKS_AWAY.format(handler="signal.signal(15, signal.SIG_IGN)"))
    assert program.wait_ready(LISTENING).ready
    assert program.stop("SIGTERM", Deadline(0.2, "its end")) is None
    assert [row for row in prober.sockets(Transport.TCP) if row.port == PORT and row.state == "LISTEN"] == []


def test_one_program_is_stopped_without_the_other(start: Start) -> None:
    """Stopping one program does not affect another one and its children."""
    fork = "import os, signal; os.fork(); print('up', flush=True); signal.pause()"
    one, other = start(fork), start(fork)
    for program in (one, other):
        assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert one.stop("SIGKILL", soon()) == Exit(None, "SIGKILL")
    assert other.poll() is None


def test_an_ended_program_is_stopped_without_the_other(start: Start) -> None:
    """Stopping a program that has already ended does not affect the daemon of another one."""
    ended, daemon = start("pass"), start(FORKS_AWAY.format(handler=""))
    assert daemon.wait_ready(LISTENING).ready
    assert ended.stop("SIGKILL", soon()) == Exit(0)
    assert daemon.wait_ready(LISTENING).ready
    assert daemon.stop("SIGTERM", soon()) == Exit(0)


def test_a_program_does_not_keep_the_probers_ports(prober: Prober, start: Start) -> None:
    """A port that the prober releases is free, although programs were started while it was held."""
    with prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)):
        program = start("import signal; signal.pause()")
    prober.hold(Hold(Family.IPV4, "127.0.0.1", PORT)).close()
    assert program.poll() is None


def test_a_program_that_keeps_forking_is_killed(own_host: tuple[Prober, object], launch: Callable[..., Launch]) -> None:
    """Processes that replace themselves faster than they can be listed are killed."""
    prober, _ = own_host
    ignore = "import os, signal\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)"
    script = f"{ignore}\nwhile 1:\n  if os.fork(): os._exit(0)"
    program = prober.start(launch(sys.executable, "-c", script))
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert program.stop("SIGTERM", Deadline(0.1, "its end")) is None
    assert program.wait_ready(Await(0, Transport.TCP, "never", 30)).seconds < 25


def test_waiting_has_a_deadline(start: Start) -> None:
    """If a program keeps running, the wait expires with the name of the program."""
    with pytest.raises(DeadlineExpired, match=r"0\.1 s for its end; .* still runs"):
        start("import signal; signal.pause()").wait(Deadline(0.1, "its end"))


# --- what cannot be started -------------------------------------------------------------------------------------------


def refusal(prober: Prober, launch: Launch) -> str:
    """Return why a program cannot be started."""
    with pytest.raises(ServiceError) as caught:
        prober.start(launch)
    return str(caught.value)


def test_a_missing_binary_is_named(prober: Prober, launch: Callable[..., Launch]) -> None:
    """A path that does not exist is named."""
    assert (
        refusal(prober, launch("/no/such/binary")) == "cannot start '/no/such/binary': '/no/such/binary' does not exist"
    )


def test_a_command_that_is_not_in_path_is_named(prober: Prober, launch: Callable[..., Launch]) -> None:
    """A bare name is looked up in the PATH of the launch, which is shown."""
    message = refusal(prober, launch("no-such-command"))
    assert "'no-such-command'" in message
    assert os.environ["PATH"] in message


def make_file(folder: Path, content: str, mode: int) -> str:
    """Return the path of a new file."""
    path = folder / "my program"
    path.write_text(content)
    path.chmod(mode)
    return str(path)


def test_a_file_that_is_not_executable_is_named(prober: Prober, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """Its mode is shown."""
    path = make_file(tmp_path, "#!/bin/sh\n", 0o644)
    assert refusal(prober, launch(path)).endswith("is not executable (mode 0644)")


def test_a_folder_is_no_program(prober: Prober, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """The error says that it is a folder."""
    assert refusal(prober, launch(str(tmp_path))).endswith("is a folder")


def test_a_bad_interpreter_is_named(prober: Prober, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """The file exists; the interpreter in its first line does not."""
    path = make_file(tmp_path, "#!/no/such/interpreter -x\n", 0o755)
    message = refusal(prober, launch(path))
    assert path in message
    assert "names the interpreter '/no/such/interpreter', which cannot be executed: No such file" in message


def test_a_text_is_no_program(prober: Prober, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """A script without a first line that names its interpreter is not passed to a shell."""
    path = make_file(tmp_path, "echo hello\n", 0o755)
    assert "neither a binary of this machine nor a script" in refusal(prober, launch(path))


def test_a_missing_folder_is_named(prober: Prober, launch: Callable[..., Launch]) -> None:
    """The working directory must exist."""
    message = refusal(prober, launch("true", directory="/no/such/folder"))
    assert message == "cannot start 'true': its working directory '/no/such/folder' is not a folder"


def test_a_zero_byte_is_refused(prober: Prober, launch: Callable[..., Launch]) -> None:
    """An argument that the kernel refuses is an error of the command."""
    assert "null byte" in refusal(prober, launch("true", "a\0b"))
