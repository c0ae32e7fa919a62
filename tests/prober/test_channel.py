"""Client and agent: concurrent requests, errors, and the end of either side."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import HarnessError
from dualstack.families import Family
from dualstack.prober.channel import Channel
from dualstack.prober.client import Prober
from dualstack.prober.codec import pack, unpack
from dualstack.prober.messages import Await, DatagramBatch, Dial, Exit, Launch, Outcome, Readiness, Sender, Serve
from dualstack.prober.messages.requests import Request
from dualstack.transport import AppProtocol, Transport

PORT = 7500
Own = tuple[Prober, subprocess.Popen[bytes]]


@dataclass(frozen=True, slots=True)
class Dance(Request[None]):
    """A request that the agent does not know."""


@dataclass(frozen=True, slots=True)
class IsLate(Request[bool]):
    """A request that the test answers itself."""


def test_messages_are_unchanged_by_packing() -> None:
    """A packed message is unpacked to the same value: enumerations, tuples, nested messages, None and odd text too."""
    dial = Dial(Family.IPV6, "::1", 1, send="\x00\xff\n", chunks=(1, 2))
    readiness = Readiness(ready=False, exit=Exit(None, "SIGTERM"), seconds=0.5, detail="é")
    for message in (dial, readiness):
        assert unpack(type(message), pack(message)) == message


def test_a_message_of_another_kind_is_refused() -> None:
    """Fields that do not fit the message are a harness error."""
    with pytest.raises(HarnessError, match="no Dial"):
        unpack(Dial, {"family": "ipv5"})


def test_many_threads_share_a_prober(prober: Prober) -> None:
    """Eight threads with slow and fast requests each get their own answers."""
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.UPPER)), ThreadPoolExecutor(8) as pool:

        def work(number: int) -> bool:
            send = f"thread {number}\n"
            dial = Dial(
                Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.EXCHANGE, send=send, expect=f"^{send.upper()}$"
            )
            return prober.dial(dial).outcome is Outcome.ANSWERED and prober.sysctl("net.ipv6.bindv6only") == "0"

        slow = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, timeout=0.5)
        later = [pool.submit(prober.dial, slow) for _ in range(2)]
        assert all(pool.map(work, range(200)))
        assert {future.result().outcome for future in later} == {Outcome.WRONG}


def test_a_fast_request_overtakes_a_slow_one(prober: Prober) -> None:
    """Answers arrive in any order."""
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.CONNECT)):
        slow = prober._channel.send(Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, timeout=1))
        prober.ping()
        assert slow.number not in prober._channel._answers
        assert prober._channel.receive(slow).outcome is Outcome.SILENT


def test_an_unknown_request_is_an_error(prober: Prober) -> None:
    """The agent reports that it does not know the verb."""
    with pytest.raises(HarnessError, match="knows no 'Dance'"):
        prober.call(Dance())


def test_a_bug_of_the_agent_is_raised_with_its_traceback(prober: Prober) -> None:
    """An unexpected exception arrives with its traceback, and the agent continues."""
    without_route = Sender("198.51.100.1", "127.0.0.1", 0, ("x",))
    with pytest.raises(HarnessError, match=r"(?s)failed at 'DatagramBatch'.*Traceback.*in send.*OSError"):
        prober.call(DatagramBatch((without_route,), PORT))
    prober.ping()


def test_a_closed_handle_is_no_more(prober: Prober) -> None:
    """A request for a closed server is an error."""
    serving = prober.serve(Serve(("127.0.0.1",), PORT))
    serving.close()
    with pytest.raises(HarnessError, match="closed"):
        serving.accepted()


def test_silence_of_the_agent_is_an_error_in_time() -> None:
    """A missing answer is an error after the time limit; a late answer is dropped and reaches no other request."""
    ours, theirs = socket.socketpair()
    with theirs:
        channel = Channel(ours)
        with pytest.raises(HarnessError, match=r"did not answer 'IsLate' within 0\.1 s"):
            channel.receive(channel.send(IsLate()), grace=0.1)
        theirs.sendall(b'{"id": 1, "ok": true}\n{"id": 2, "ok": false}\n')
        assert channel.call(IsLate()) is False
        assert channel._answers == {}
        channel.close()


def test_the_end_of_the_host_is_reported(own_host: Own) -> None:
    """When the agent dies during a request the error says so, and so does every later one."""
    prober, process = own_host
    prober.ping()
    prober.dial(Dial(Family.IPV4, "198.51.100.1", PORT))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    with pytest.raises(HarnessError, match=r"ended|broken"):
        prober.ping()
    with pytest.raises(HarnessError, match="cannot ask the prober for 'Ping'"):
        prober.ping()


def test_what_is_open_closes_quietly_after_the_host(own_host: Own) -> None:
    """A server's block may end after its prober was closed."""
    prober, _ = own_host
    with prober.serve(Serve(("127.0.0.1",), PORT)):
        prober.close()
    prober.close()
    with pytest.raises(HarnessError, match="it was closed"):
        prober.ping()


def test_closing_wakes_a_waiting_thread(own_host: Own) -> None:
    """A thread that waits for an answer gets an error when another one closes the prober."""
    prober, _ = own_host
    with prober.serve(Serve(("127.0.0.1",), PORT, protocol=AppProtocol.CONNECT)), ThreadPoolExecutor(1) as pool:
        dial = Dial(Family.IPV4, "127.0.0.1", PORT, protocol=AppProtocol.ECHO, timeout=60)
        waiting = pool.submit(prober.dial, dial)
        prober.ping()
        prober.close()
        with pytest.raises(HarnessError):
            waiting.result(10)


def test_the_end_of_the_stream_ends_everything(own_host: Own, launch: Callable[..., Launch], tmp_path: Path) -> None:
    """Programs, daemons and the agent itself are gone when the stream ends; no process of the host is left."""
    prober, process = own_host
    lock = tmp_path / "lock"
    script = f"""
import fcntl, os, signal
f = open({str(lock)!r}, "w"); fcntl.flock(f, fcntl.LOCK_EX)
if os.fork(): os._exit(0)
os.setsid()
for number in (1, 2, 15): signal.signal(number, signal.SIG_IGN)
print("up", flush=True)
while 1: signal.pause()
"""
    program = prober.start(launch(sys.executable, "-c", script))
    assert program.wait_ready(Await(0, Transport.TCP, "up", 10)).ready
    assert program.wait(Deadline(5, "the parent's end")) == Exit(0)
    prober.close()
    assert process.wait(10) == 0
    with lock.open() as file:  # the lock went with the last process that had the file open
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_ctrl_c_does_not_end_the_agent(own_host: Own) -> None:
    """The agent ignores SIGINT of the terminal; only the end of the stream ends it."""
    prober, process = own_host
    prober.ping()
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGINT)
    prober.ping()


def test_orphans_are_reaped(own_host: Own, launch: Callable[..., Launch]) -> None:
    """A child whose parent does not wait for it leaves no zombie behind."""
    prober, _ = own_host
    script = "import os\nfor _ in range(20):\n  if not os.fork():\n    os.fork(); os._exit(0)\n"
    program = prober.start(launch(sys.executable, "-c", script))
    program.wait(Deadline(10, "its end"))
    assert program.stop("SIGTERM", Deadline(5, "its orphans' end")) == Exit(0)
    listing = prober.start(launch("ls", "/proc"))
    assert listing.wait(Deadline(10, "the listing")) == Exit(0)
    assert len([name for name in listing.log().text.split() if name.isdigit()]) == 3  # agent, supervisor and ls
