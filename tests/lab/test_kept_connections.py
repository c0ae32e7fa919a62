"""What FORWARD-001, FORWARD-002, FORWARD-015 and FORWARD-020 say of relays that keep their connection to the server."""

import importlib
from pathlib import Path

import pytest

import dualstack
from dualstack.errors import DualstackError
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.suites import requirement
from dualstack.verdict import Verdict, judge
from dualstack.world import RelayWorld

SOURCES = Path(dualstack.__file__).parents[1]

MANIFEST = """\
schema = 1

[service]
name = "keeping"
command = ["{python}", "-S", "-E", "-B", "-c", '''
import select, socket, sys, threading, time

# It looks the name of its server up once, so that it can connect again at once.
where = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0][4]
lock = threading.Lock()

def connect():
    while True:
        try:
            return socket.create_connection(where[:2], 3)
        except OSError:
            time.sleep(0.1)

def ask(data):
    global kept
    got = b""
    kept.sendall(data)
    while len(got) < len(data):
        got += kept.recv(65536)
    return got

def watch():
    global kept
    while True:
        select.select([kept], [], [], 0.02)
        with lock:
            if select.select([kept], [], [], 0)[0]:
                kept = connect()

def check():
    while True:
        try:
            with socket.create_connection(where[:2], 3) as probe:
                probe.sendall(b"are you there?")
        except OSError:
            pass
        time.sleep(0.1)

def serve(client):
    with client:
        while data := client.recv(65536):
            with lock:
                got = ask(data)
            client.sendall(got)

kept = connect()
for work in (watch, check):
    threading.Thread(target=work, daemon=True).start()
listener = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
''', "{target_host}", "{target_port}"]

[[listen]]
name = "main"
port = 8080
protocol = "echo"

[[relay]]
name = "relay"
listen = "main"
port = 8081
half_close = false
"""


def judged(name: str, test: str, path: Path, backend: NetnsBackend) -> tuple[Verdict, str]:
    """Return the verdict of a requirement on a relay, and the reason; ``test`` is ``MODULE.FUNCTION`` of its suite."""
    found = requirement(name)
    (case,) = (item for item in plan_cases(found, subjects_of(path)) if item.topology == "relay")
    module, _, function = test.partition(".")
    error = None
    try:
        with RelayWorld(case, backend, path.parent) as world:
            getattr(importlib.import_module(f"dualstack.content.suites.forward.test_{module}"), function)(world)
            world.conclude()
    except DualstackError as raised:
        error = raised
    return judge(found.level, error), str(error or "")


@pytest.mark.parametrize(
    ("name", "test"),
    [
        ("FORWARD-001", "test_ipv4_client_and_ipv6_server"),
        ("FORWARD-002", "test_ipv6_client_and_ipv4_server"),
        ("FORWARD-020", "test_client_and_server_of_one_family"),
    ],
)
def test_a_relay_that_keeps_its_connection(backend: NetnsBackend, tmp_path: Path, name: str, test: str) -> None:
    """It passes, although clients make no new connection to the server and health checks are made beside them."""
    path = tmp_path / "service.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    verdict, error = judged(name, f"families.{test}", path, backend)
    assert verdict is Verdict.PASS, error


OVER_HTTP2 = """\
schema = 1

[service]
name = "keeping"
directory = "SOURCES"
command = ["{python}", "-c", '''
import socket, sys, threading
from dualstack.families import unmapped
from dualstack.protocols.http2_session import Session

lock = threading.Lock()
back, kept = Session(client=True), None

def ask(head):
    global kept
    if kept is None:
        where = socket.getaddrinfo(sys.argv[1], int(sys.argv[2]), type=socket.SOCK_STREAM)[0][4]
        kept = socket.create_connection(where[:2], 3)
    back.request(head, b"")
    while True:
        kept.sendall(back.sent())
        for answer in back.take(kept.recv(65536)):
            kept.sendall(back.sent())
            return answer

def serve(client, address):
    front, count = Session(client=False), 0
    with client:
        client.sendall(front.sent())
        while data := client.recv(65536):
            for request in front.take(data):
                if request.stream:
                    count += 1
                    with lock:
                        answer = ask(request.head + [("x-forwarded-for", unmapped(address[0]))] * NAMES)
                    front.respond(request, answer.head, bytes(answer.body), [])
            client.sendall(front.sent())

listener = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=serve, args=listener.accept(), daemon=True).start()
''', "{target_host}", "{target_port}"]

[[listen]]
name = "main"
port = 8080
protocol = "http2"

[[relay]]
name = "relay"
listen = "main"
port = 8081
stream = false
half_close = false
forwarded = "X-Forwarded-For"
"""


@pytest.mark.parametrize(
    ("names", "verdict", "reason"),
    [
        ("1", Verdict.PASS, ""),
        ("(count == 1)", Verdict.FAIL, "it does so in 1 of them; in another one the request has no X-Forwarded-For"),
    ],
    ids=["each request", "the first request"],
)
def test_requests_of_many_clients_on_one_connection(
    backend: NetnsBackend, tmp_path: Path, names: str, verdict: Verdict, reason: str
) -> None:
    """FORWARD-015 tells the clients apart whose requests a relay sends on one connection of HTTP/2."""
    path = tmp_path / "service.toml"
    path.write_text(OVER_HTTP2.replace("NAMES", names).replace("SOURCES", str(SOURCES)), encoding="utf-8")
    found, error = judged("FORWARD-015", "sent_headers.test_field_names_the_client", path, backend)
    assert found is verdict, error
    assert reason in error
