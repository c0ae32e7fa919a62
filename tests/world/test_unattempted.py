"""A case that cannot be judged because its connector made no attempt says what the connector did."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from dualstack.prober.messages import Exit
from dualstack.world.connecting import ConnectorWorld
from dualstack.world.runs import Run
from dualstack.world.unattempted import unattempted

if TYPE_CHECKING:
    from tests.world.conftest import MadeUp

MakeWorld = Callable[..., "MadeUp"]

CONNECT = '[[connect]]\nname = "main"\ncommand = ["./client", "{host}"]\nport = 8080\n'
SYN = (
    Ether(src="02:00:5e:10:00:01", dst="02:00:5e:10:00:02")
    / IPv6(src="2001:db8::2", dst="2001:db8::1")
    / TCP(sport=999, dport=8080)
)


def after(made: "MadeUp", how: Exit | None, output: str) -> str:
    """Return what is said after one run."""
    made.world.connector_runs.done.append(("x.test", 0.0, Run("", how, 0.25, said=bool(output), output=output)))
    return unattempted(made.world)


@pytest.mark.parametrize(
    ("how", "output", "text"),
    [
        (Exit(5), "a\nerror: rc must have mode 0700\n", 'exited with code 5 after 0.2 s; its output says: "error: rc '),
        (Exit(0), "", "; it exited with code 0 after 0.2 s; it printed nothing"),
        (None, "", "; it ran for 0.2 s; it printed nothing"),
    ],
)
def test_how_it_ended_and_what_it_printed(make_world: MakeWorld, how: Exit | None, output: str, text: str) -> None:
    """The reader learns how the program ended and the line of its output that says why."""
    made = make_world(ConnectorWorld, CONNECT)
    made.wire()
    assert text in after(made, how, output)


def test_an_attempt_needs_no_explanation(make_world: MakeWorld) -> None:
    """Where an attempt was made, or nothing ran, nothing is added."""
    made = make_world(ConnectorWorld, CONNECT)
    made.wire(SYN)
    assert unattempted(made.world) == ""
    assert after(made, Exit(1), "") == ""
