"""Control of running programs: signals to the main process, pauses of all processes, resource usage."""

from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import UsageError
from dualstack.prober.client import ProgramHandle

Start = Callable[..., ProgramHandle]

COUNTING = """
import os, signal, time
def note(number, _): os.write(1, f"{signal.Signals(number).name} {os.getpid() == MAIN}\\n".encode())
MAIN = os.getpid()
for name in ("SIGCHLD", "SIGWINCH", "SIGCONT"): signal.signal(getattr(signal, name), note)
os.fork()
print("ready", flush=True)
while True: time.sleep(0.01)  # a signal just before pause() would wait for the next one
"""

# Its children: a zombie, and one that counts endlessly. Each process has ten files open.
HOLDING = """
import os, time
files = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]
if os.fork() == 0: os._exit(0)
number = 0
if os.fork() == 0:
    while True:
        number += 1
        print("child", number, flush=True)
        time.sleep(0.001)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
print("ready", flush=True)
time.sleep(1000)
"""


def ready(program: ProgramHandle) -> ProgramHandle:
    """Wait until a program has written that it is ready."""
    assert program.wait_log("^ready$", Deadline(10, "it to be ready")) is not None
    return program


def test_signals_reach_the_main_process(start: Start) -> None:
    """They arrive in order, at the first process only."""
    program = ready(start(COUNTING))
    names = ["SIGCHLD", "SIGWINCH", "SIGCONT"] * 3
    for name in names:  # one at a time: the kernel merges pending signals of one kind
        since = program.log().size
        program.send_signals([name])
        assert program.wait_log(f"^{name} True$", Deadline(10, name), since) is not None
    assert "False" not in program.log().text
    assert program.poll() is None


def test_signals_are_sent_in_order_and_end_with_the_program(start: Start) -> None:
    """The signals after the one that ends it are dropped without an error."""
    program = start("import signal; signal.pause()")
    program.send_signals(["SIGWINCH", "SIGUSR1", *["SIGWINCH"] * 1000], every=0.001)
    how = program.wait(Deadline(10, "its end"))
    assert how.signal == "SIGUSR1"
    program.send_signals(["SIGWINCH"])


def test_an_unknown_signal_is_refused(start: Start) -> None:
    """No signal is sent if one of them is unknown."""
    program = start("import signal; signal.pause()")
    with pytest.raises(UsageError, match="there is no signal 'SIGNONE'"):
        program.send_signals(["SIGTERM", "SIGNONE"])
    assert program.poll() is None


def test_a_paused_program_does_nothing(start: Start) -> None:
    """All its processes are stopped when `pause` returns, and continue after `resume`."""
    program = ready(start(HOLDING))
    program.pause()
    size = program.log().size
    assert program.wait_log("^child", Deadline(0.05, "it to write"), size) is None
    assert program.log().size == size
    program.resume()
    assert program.wait_log("^child", Deadline(10, "it to write"), size) is not None


def test_a_paused_program_can_be_stopped(start: Start) -> None:
    """It does not handle the signal, and is killed."""
    program = ready(start(HOLDING))
    program.pause()
    assert program.stop("SIGTERM", Deadline(0.1, "it to stop")) is None


def test_resources_are_counted(start: Start) -> None:
    """Three processes, one of them a zombie; two have ten files and the standard three each."""
    program = ready(start(HOLDING))
    usage = program.resource_usage()
    assert (usage.processes, usage.zombies) == (3, 1)
    assert 2 * 10 + 2 * 3 <= usage.descriptors <= 2 * 10 + 2 * 3 + 4
    program.stop("SIGKILL", Deadline(5, "it to stop"))
    assert program.resource_usage().processes == 0


SPINNING = """
import signal, threading
signal.signal(signal.SIGHUP, lambda *_: None)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
def spin():
    while True: pass
threading.Thread(target=spin, daemon=True).start()
print("ready", flush=True)
signal.pause()
"""


def test_time_is_counted_by_thread(start: Start) -> None:
    """A busy thread runs, or waits for a CPU, all the time; a sleeping one does neither."""
    program = ready(start(SPINNING))
    first = program.resource_usage()
    assert Deadline(10, "it to run").until(lambda: program.resource_usage().at - first.at > 0.2)
    last = program.resource_usage()
    before = {item.thread: item.running + item.waiting for item in first.thread_times}
    spent = sorted(item.running + item.waiting - before[item.thread] for item in last.thread_times)
    assert len(spent) == 2
    assert spent[1] > 0.5 * (last.at - first.at)
    assert spent[1] > spent[0]


def test_signals_that_are_handled_are_named(start: Start) -> None:
    """Signals with a handler and blocked ones are listed; ignored ones and defaults are not."""
    program = ready(start(SPINNING))
    assert {"SIGHUP", "SIGUSR1"} <= set(program.resource_usage().handled)
    assert not {"SIGUSR2", "SIGPIPE", "SIGTERM"} & set(program.resource_usage().handled)
    program.stop("SIGKILL", Deadline(5, "it to stop"))
    assert program.resource_usage().handled == ()
