"""What FORWARD-001, FORWARD-002 and FORWARD-020 say of a relay that keeps its connection to the server."""

import importlib
from pathlib import Path

import pytest

from dualstack.errors import DualstackError
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.plan import plan_cases
from dualstack.suites import requirement
from dualstack.verdict import Verdict, judge
from dualstack.world import RelayWorld

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
    found = requirement(name)
    (case,) = (item for item in plan_cases(found, subjects_of(path)) if item.topology == "relay")
    error = None
    try:
        with RelayWorld(case, backend, tmp_path) as world:
            getattr(importlib.import_module("dualstack.content.suites.forward.test_families"), test)(world)
            world.conclude()
    except DualstackError as raised:
        error = raised
    assert judge(found.level, error) is Verdict.PASS, str(error)
