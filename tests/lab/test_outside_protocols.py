"""Protocols from outside inside the hosts of labs: agents have them, also in a supervisor that runs already."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dualstack.content import ROOT
from dualstack.errors import HarnessError, UsageError
from dualstack.families import BOTH
from dualstack.lab.docker.multiplexer import Multiplexer
from dualstack.lab.docker.mux import CONTROL, Unpacker, frame
from dualstack.lab.docker.own_image import _prober_files
from dualstack.lab.netns import NetnsLab
from dualstack.prober.messages import Dial, Outcome, Serve
from dualstack.protocols.outside import Source, add
from dualstack.transport import Transport

pytestmark = pytest.mark.usefixtures("own_registry")

PORT = 7300
STOCK = ROOT / "examples" / "own_suites" / "shop_suites" / "protocols" / "stock.py"

BROKEN = """
from dualstack.protocols import Application, Trait, Transport, Turn


class Broken(Application):
    name = "broken"
    traits = frozenset({Trait.ANSWERS})
    transports = frozenset()
    serves = frozenset(Transport)

    @classmethod
    def server(cls, offer, peer):
        return Failing()


class Failing:
    def start(self):
        return b""

    def receive(self, data):
        return Turn(bytes(1 // 0))
"""


def source_of(path: Path) -> Source:
    """Return a file with protocols."""
    return Source(str(path), path.read_text(encoding="utf-8"))


def test_both_ends_in_a_lab(make_lab: Callable[[str], NetnsLab]) -> None:
    """A supervisor that runs already gets a protocol; then the agents of its labs speak it, over both families.

    Without it an agent says which protocols there are.
    """
    before = make_lab("dual-stack").hosts["service"]
    with pytest.raises(UsageError, match=r"^no protocol 'stock' \(there are: connect, echo, "):
        before.prober.serve(Serve(("::1",), PORT, protocol="stock"))
    add(source_of(STOCK))
    lab = make_lab("dual-stack")
    service, peer = lab.hosts["service"], lab.hosts["peer"]
    addresses = {family: service.plan.address(family) for family in BOTH}
    with service.prober.serve(Serve(tuple(addresses.values()), PORT, protocol="stock")) as serving:
        for family, address in addresses.items():
            dialled = peer.prober.dial(Dial(family, address, PORT, protocol="stock"))
            assert (dialled.outcome, dialled.answer[:3]) == (Outcome.ANSWERED, "OK "), dialled.detail
        assert [client.detail for client in serving.accepted()] == ["the client asked for 1 article(s)"] * 2


@pytest.mark.parametrize("transport", Transport, ids=lambda transport: transport.value)
def test_server_with_a_bug(make_lab: Callable[[str], NetnsLab], transport: Transport) -> None:
    """An error in the server's end is a harness error that shows its line, not a fault of the connector."""
    add(Source("/team/protocols/broken.py", BROKEN))
    lab = make_lab("dual-stack")
    service = lab.hosts["service"]
    address = service.plan.address(BOTH[0])
    with service.prober.serve(Serve((address,), PORT, transport, protocol="broken")) as serving:
        lab.hosts["peer"].prober.dial(Dial(BOTH[0], address, PORT, transport, protocol="echo", timeout=0.5))
        with pytest.raises(HarnessError, match=r'(?s)"/team/protocols/broken\.py", line 21, .*ZeroDivisionError'):
            serving.accepted()


def test_in_the_image_of_a_docker_lab(tmp_path: Path) -> None:
    """With the files of the prober's image alone, the supervisor of a docker host adds a protocol, or says why not."""
    for name, data in _prober_files():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    right = {"do": "speak", "place": "stock.py", "text": STOCK.read_text(encoding="utf-8")}
    wrong = {"do": "speak", "place": "wrong.py", "text": "import requests\n"}
    lines = "".join(f"{json.dumps(request)}\n" for request in (right, wrong, right))
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-P", "-m", "dualstack.lab.docker.supervisor"],
        env={"PYTHONPATH": str(tmp_path)},
        input=frame(CONTROL, lines.encode()),
        capture_output=True,
        check=False,
    )
    answers = b"".join(piece for _, piece in Unpacker().feed(done.stdout)).splitlines()
    first, second, third = map(json.loads, answers)
    assert (first, third) == ({"ok": True}, {"ok": True}), done.stderr
    assert second["kind"] == "UsageError"
    assert second["error"].startswith("wrong.py:1: imports requests; ")


def test_sent_to_a_docker_host() -> None:
    """A docker host gets each protocol once, before the first process inside that may need it."""
    ours, theirs = socket.socketpair()
    seen: list[dict[str, Any]] = []

    def answer() -> None:
        """Answer every request, as the engine passes it on."""
        unpacker = Unpacker()
        while data := theirs.recv(1 << 16):
            for channel, piece in unpacker.feed(data):
                if channel == CONTROL:
                    seen.append(json.loads(piece))
                    packed = frame(CONTROL, b'{"ok": true}\n')
                    theirs.sendall(b"\1\0\0\0" + len(packed).to_bytes(4, "big") + packed)
        theirs.close()

    thread = Thread(target=answer)
    thread.start()
    host = Multiplexer(ours, "service")
    streams = [host.inside("a:b", 5.0)]
    add(source_of(STOCK))
    streams += [host.inside("a:b", 5.0), host.inside("a:b", 5.0)]
    host.close()
    thread.join()
    for stream in streams:
        stream.close()
    assert [request["do"] for request in seen] == ["inside", "speak", "inside", "inside"]
    assert (seen[1]["place"], seen[1]["text"]) == (str(STOCK), STOCK.read_text(encoding="utf-8"))
