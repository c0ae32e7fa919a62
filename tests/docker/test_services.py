"""Services run as their images intend; what is wrong with an image is a clear error, and nothing is left over."""

import re
from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import DeadlineExpired, HarnessError, ServiceError, UsageError
from dualstack.families import Family
from dualstack.lab.docker.backend import DockerLab
from dualstack.lab.docker.engine import Engine
from dualstack.prober.messages import Await, Dial, Launch, Outcome
from dualstack.topology import Topology
from dualstack.transport import AppProtocol, Transport

MakeLab = Callable[[Topology | str], DockerLab]
MakeImage = Callable[..., str]
MakeLaunch = Callable[..., Launch]

ECHO = """\
import os, socket, sys, threading
listener = socket.create_server(("::", 7007), family=socket.AF_INET6, dualstack_ipv6=True)
print("uid", os.getuid(), "pid", os.getpid(), flush=True)
while True:
    client, _ = listener.accept()
    with client:
        client.sendall(client.recv(65536))
"""


@pytest.fixture(scope="session")
def python(make_image: MakeImage) -> str:
    """An image with nothing but Python."""
    return make_image("python", "USER 1234:1234")


@pytest.fixture(scope="session")
def echo(make_image: MakeImage) -> str:
    """An image with an echo service, which runs as an ordinary user."""
    lines = ("COPY echo.py /srv/echo.py", "USER 4321", 'ENTRYPOINT ["python3", "/srv/echo.py"]')
    return make_image("echo", *lines, files={"echo.py": ECHO})


def ready(timeout: float = 10.0, port: int = 7007, log: str | None = None) -> Await:
    """Return the condition of an echo service."""
    return Await(port=port, transport=Transport.TCP, log=log, timeout=timeout, families=tuple(Family))


def test_an_image_runs_as_it_intends(engine: Engine, make_lab: MakeLab, echo: str, launch: MakeLaunch) -> None:
    """Its own entrypoint and user; no capability is added, none can be gained, no port is published."""
    lab = make_lab("dual-stack")
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    program = host.start(launch(echo))
    assert program.wait_ready(ready()).ready
    assert program.wait_log("uid 4321", Deadline(5, "its first line")) is not None
    for family in Family:
        dial = Dial(family, host.plan.address(family), 7007, protocol=AppProtocol.ECHO)
        assert peer.prober.dial(dial).outcome is Outcome.ANSWERED
    (identity,) = lab.members["service"].services
    found = engine.api.inspect_container(identity)["HostConfig"]
    assert not found["CapAdd"]
    assert not found["Privileged"]
    assert not found["PortBindings"]
    assert "no-new-privileges" in found["SecurityOpt"]
    assert [row.owner for row in host.prober.sockets() if row.state == "LISTEN"] == ["service(container)"]
    how = program.stop("SIGTERM", Deadline(5, "it to stop"))
    assert how is not None
    assert how.signal == "SIGTERM"


def test_files_are_there_before_the_service_is(make_lab: MakeLab, python: str, launch: MakeLaunch) -> None:
    """The scratch folder holds its files, can be written by any user, and environment and input arrive."""
    code = "import os,sys; f=os.environ['F']; print(open(f+'/a/b').read(), sys.stdin.read()); open(f+'/new','w')"
    fields = {"files": {"a/b": "content"}, "environment": {"F": "/dev/shm/scratch-1"}, "input": "typed"}  # noqa: S108
    program = make_lab("dual-stack").hosts["service"].start(launch(python, ["python3", "-c", code], **fields))
    assert program.wait(Deadline(10, "its end")).code == 0
    assert program.log().text == "content typed\n"
    program.stop("SIGTERM", Deadline(1, "it to stop"))


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("raise SystemExit(3)", "exited with code 3"),
        ("import os; os.kill(os.getpid(), 11)", "was ended by SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
    ],
)
def test_an_entrypoint_that_exits_is_not_ready(
    make_lab: MakeLab, python: str, launch: MakeLaunch, code: str, shown: str
) -> None:
    """The result says at once how it ended, with its output; it does not wait for the timeout."""
    host = make_lab("dual-stack").hosts["service"]
    program = host.start(launch(python, ["python3", "-c", f"print('last words', flush=True); {code}"]))
    readiness = program.wait_ready(ready(timeout=20))
    assert not readiness.ready
    assert readiness.seconds < 15
    assert readiness.detail.startswith(f"it {shown} after ")
    assert program.log().text == "last words\n"
    program.stop("SIGTERM", Deadline(1, "it to stop"))


def test_a_command_that_does_not_exist(make_lab: MakeLab, python: str, launch: MakeLaunch) -> None:
    """A command that the image does not have ends with the shell's code for it, and says so."""
    program = make_lab("dual-stack").hosts["service"].start(launch(python, ["/no/such/program"]))
    assert program.wait(Deadline(10, "its end")).code == 127
    assert "/no/such/program" in program.log().text
    program.stop("SIGTERM", Deadline(1, "it to stop"))


def test_an_image_without_any_command(make_lab: MakeLab, make_image: MakeImage, launch: MakeLaunch) -> None:
    """An image that executes nothing by itself is a service that cannot be started; the engine's reason is shown."""
    image = make_image("nothing", "CMD []")
    with pytest.raises(ServiceError, match=r"cannot start 'dualstack-test:nothing.*[nN]o command specified"):
        make_lab("dual-stack").hosts["service"].start(launch(image))


def test_an_image_that_does_not_exist(make_lab: MakeLab, launch: MakeLaunch) -> None:
    """An image that is gone is named."""
    with pytest.raises(UsageError, match=r"no image 'dualstack-test:gone'"):
        make_lab("dual-stack").hosts["service"].start(launch("dualstack-test:gone"))


def test_a_health_check_that_never_passes(make_lab: MakeLab, make_image: MakeImage, launch: MakeLaunch) -> None:
    """It listens, but its image says that it is not healthy: not ready, with what the check said."""
    lines = ("COPY echo.py /srv/echo.py", 'ENTRYPOINT ["python3", "/srv/echo.py"]')
    image = make_image("ill", *lines, "HEALTHCHECK CMD echo queue is full; exit 1", files={"echo.py": ECHO})
    program = make_lab("dual-stack").hosts["service"].start(launch(image))
    readiness = program.wait_ready(ready(timeout=4))
    assert not readiness.ready
    assert readiness.exit is None
    assert "health check is" in readiness.detail
    assert "queue is full" in readiness.detail
    program.stop("SIGTERM", Deadline(5, "it to stop"))


def test_a_health_check_that_passes(make_lab: MakeLab, make_image: MakeImage, launch: MakeLaunch) -> None:
    """A healthy image is ready, long before its own interval is over."""
    lines = ("COPY echo.py /srv/echo.py", 'ENTRYPOINT ["python3", "/srv/echo.py"]')
    image = make_image("well", *lines, "HEALTHCHECK --interval=1h CMD true", files={"echo.py": ECHO})
    program = make_lab("dual-stack").hosts["service"].start(launch(image))
    assert program.wait_ready(ready(timeout=15)).ready
    program.stop("SIGTERM", Deadline(5, "it to stop"))


def test_a_service_that_ignores_its_signal_is_killed(make_lab: MakeLab, python: str, launch: MakeLaunch) -> None:
    """What does not stop in time is killed, and the result is None."""
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    program = make_lab("dual-stack").hosts["service"].start(launch(python, ["python3", "-c", code]))
    assert program.wait_log("up", Deadline(10, "its start")) == "up"
    with pytest.raises(DeadlineExpired):
        program.wait(Deadline(0.1, "its end"))
    assert program.stop("SIGTERM", Deadline(0.5, "it to stop")) is None
    assert program.poll() is not None


def test_no_af_inet6_for_the_service_alone(make_lab: MakeLab, python: str, launch: MakeLaunch) -> None:
    """Where a host has no AF_INET6, a service's socket() fails with EAFNOSUPPORT, and IPv6 has no settings."""
    code = (
        "import errno,os,socket\n"
        "try: socket.socket(socket.AF_INET6)\nexcept OSError as e: print(errno.errorcode[e.errno])\n"
        "print(os.listdir('/proc/sys/net/ipv6'))"
    )
    host = make_lab("ipv4-only-no-af-inet6").hosts["service"]
    program = host.start(launch(python, ["python3", "-c", code], af_inet6=False))
    assert program.wait(Deadline(10, "its end")).code == 0
    assert program.log().text == "EAFNOSUPPORT\n[]\n"
    program.stop("SIGTERM", Deadline(1, "it to stop"))


def test_a_long_output_is_kept_within_bounds(make_lab: MakeLab, python: str, launch: MakeLaunch) -> None:
    """Ten megabytes of output are counted, and only head and tail are kept."""
    code = "import sys\nfor n in range(100): sys.stdout.write('x' * 99999 + '\\n')\nprint('the end')"
    program = make_lab("dual-stack").hosts["service"].start(launch(python, ["python3", "-c", code]))
    assert program.wait(Deadline(30, "its end")).code == 0
    log = program.log()
    assert log.size == 10_000_008
    assert len(log.text) < 400_000
    assert log.text.endswith("the end\n")
    program.stop("SIGTERM", Deadline(1, "it to stop"))


def test_a_container_that_is_removed_behind_our_back(
    engine: Engine, make_lab: MakeLab, echo: str, launch: MakeLaunch
) -> None:
    """A service whose container another program removes is an error or an end, never a wait without end."""
    lab = make_lab("dual-stack")
    program = lab.hosts["service"].start(launch(echo))
    assert program.wait_ready(ready()).ready
    (identity,) = lab.members["service"].services
    engine.api.remove_container(identity, force=True)
    try:
        ended = str(program.wait(Deadline(10, "its end")))
    except HarnessError as error:
        ended = str(error)
    assert re.search("lost the service's container|was ended by SIGKILL", ended)
