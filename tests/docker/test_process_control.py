"""Attending to a service's processes works in containers as it does on a host of namespaces."""

from collections.abc import Callable

import pytest

from dualstack.deadline import Deadline
from dualstack.errors import UsageError
from dualstack.lab.docker.backend import DockerLab
from dualstack.prober.messages import Launch
from dualstack.topology import Topology

MakeLab = Callable[[Topology | str], DockerLab]

# As an ordinary user; a zombie, and a child that writes on. A read loop under a pid file of ten descriptors.
SCRIPT = """\
import os, signal, time
files = [os.open(os.devnull, os.O_RDONLY) for _ in range(10)]
if os.fork() == 0: os._exit(0)
if os.fork() == 0:
    while True:
        print("child", flush=True)
        time.sleep(0.01)
os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
def note(number, _): os.write(1, f"{signal.Signals(number).name}\\n".encode())  # print() may not be entered twice
for name in ("SIGCHLD", "SIGWINCH", "SIGCONT"): signal.signal(getattr(signal, name), note)
print("ready", flush=True)
while True: time.sleep(0.01)  # a signal just before pause() would wait for the next one
"""


@pytest.fixture(scope="session")
def image(make_image: Callable[..., str]) -> str:
    """An image whose service runs as an ordinary user."""
    lines = ("COPY script.py /script.py", "USER 4321", 'ENTRYPOINT ["python3", "/script.py"]')
    return make_image("attended", *lines, files={"script.py": SCRIPT})


def test_a_container_is_attended_to(make_lab: MakeLab, image: str, launch: Callable[..., Launch]) -> None:
    """Signals arrive, also those that an init keeps to itself; all stand still in a pause; all is counted."""
    program = make_lab("dual-stack").hosts["service"].start(launch(image))
    assert program.wait_log("^ready$", Deadline(60, "it to be ready")) is not None, program.log().text
    for name in ("SIGCHLD", "SIGWINCH", "SIGCONT"):
        program.send_signals([name])
        assert program.wait_log(f"^{name}$", Deadline(10, name)) is not None
    with pytest.raises(UsageError, match="there is no signal 'SIGNONE'"):
        program.send_signals(["SIGNONE"])
    usage = program.resource_usage()
    assert (usage.processes, usage.zombies) == (3, 1)
    assert 26 <= usage.descriptors <= 30
    program.pause()
    program.wait_log("^never$", Deadline(0.2, "what was on its way"))
    size = program.log().size
    assert program.wait_log("^child$", Deadline(0.1, "it to write"), size) is None
    program.resume()
    assert program.wait_log("^child$", Deadline(10, "it to write"), size) is not None
    program.send_signals(["SIGSTOP", "SIGCONT", "SIGKILL"], every=0.01)
    assert program.wait(Deadline(10, "its end")).signal == "SIGKILL"
    assert program.resource_usage().processes == 0
    program.resume()
    program.stop("SIGTERM", Deadline(5, "it to stop"))
