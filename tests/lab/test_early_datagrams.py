"""What LISTEN-012 says of a service whose sockets are open before it answers."""

import importlib
from pathlib import Path

import pytest

from dualstack.errors import Inconclusive
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.requirement import Requirement
from dualstack.world import ListenerWorld

MANIFEST = """\
schema = 1

[service]
name = "late"
command = ["{{python}}", "-S", "-E", "-B", "-c", '''{script}''']

[timeouts]
exchange = 1

[ready]
exchange = {exchange}

[[listen]]
name = "late"
transport = "udp"
port = 7300
protocol = "echo"
"""

SCRIPT = """
import socket, time
both = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
both.bind(("::", 7300))
early = both.recvfrom(2000)
while True:
    both.sendto(*both.recvfrom(2000))
"""


@pytest.mark.parametrize("exchange", ["false", "true"])
def test_a_first_request_that_comes_too_early(backend: NetnsBackend, tmp_path: Path, exchange: str) -> None:
    """A service that drops its first request is not judged; it passes if an exchange shows when it is ready."""
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST.format(script=SCRIPT, exchange=exchange), encoding="utf-8")
    test = importlib.import_module("dualstack.content.suites.listen.test_datagram_service").test_dual_stack_datagrams
    found = Requirement.of(test)
    assert found is not None
    (case,) = (item for item in plan_cases(found, subjects_of(path)) if item.topology == "dual-stack")
    with ListenerWorld(case, backend, tmp_path) as world:
        if exchange == "true":
            test(world)
            world.conclude()
        else:
            with pytest.raises(Inconclusive, match=r"with exchange = true in \[ready\] a case waits"):
                test(world)
