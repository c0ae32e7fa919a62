"""What a survey reports about one start: who reaches a listener, what was missing, and the line that explains it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from dualstack.content import ROOT
from dualstack.lab.netns import NetnsBackend
from dualstack.manifest import subjects_of
from dualstack.survey import FREE, NOT_LISTENING, Observation, observe, variants

SERVICES = ROOT / "fixtures" / "services"

SERVE = """\
import select, socket, sys
listeners = []
for family, address in {places}:
    listener = socket.socket(family)
    for option in {options}:
        listener.setsockopt(socket.SOL_SOCKET, option, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listener.bind((address, 7300))
    listener.listen()
    listeners.append(listener)
print({said!r}, flush=True)
while True:
    for listener in select.select(listeners, [], [])[0]:
        connection, _ = listener.accept()
        connection.sendall(connection.recv(1000))
        connection.close()
"""
FOUR = '[(socket.AF_INET, "0.0.0.0")]'

MANIFEST = """\
schema = 1
[service]
name = "made-up"
command = ["{{python}}", "-S", "-E", "-c", {code}]
[ready]
{ready}
[timeouts]
ready = 1.0
exchange = 0.5
[[listen]]
name = "main"
port = 7300
protocol = "echo"
"""


def serve(places: str = FOUR, options: str = "[]", said: str = "") -> str:
    """Return a service with a socket at each address."""
    return SERVE.format(places=places, options=options, said=said)


def seen(backend: NetnsBackend, folder: Path, code: str, ready: str = "", state: str = "normal") -> Observation:
    """Return the observations of a service with this code."""
    path = folder / "service.toml"
    path.write_text(MANIFEST.format(code=json.dumps(code), ready=ready), encoding="utf-8")
    return shipped(backend, path, state)[0]


def shipped(backend: NetnsBackend, path: Path, state: str = "normal", chosen: Sequence[str] = ()) -> list[Observation]:
    """Return the observations of a service in each of its configurations."""
    subjects = subjects_of(path, chosen)
    return [observe(backend, variant, FREE, state) for subject in subjects for variant in variants(subject)]


def test_a_loopback_listener_is_reached_from_its_own_host(backend: NetnsBackend) -> None:
    """A loopback listener is configured with loopback addresses, its clients are on its host, and it is as expected."""
    both, four, six = shipped(backend, SERVICES / "reference" / "local.toml")
    assert (both.sockets, both.answers, both.effect) == (
        "4@127.0.0.1+6@[::1]",
        {"ipv4": "answered", "ipv6": "answered"},
        "both",
    )
    assert (four.sockets, four.answers["ipv4"], four.effect) == ("4@127.0.0.1", "answered", "one")
    assert (six.sockets, six.answers["ipv6"], six.effect) == ("6@[::1]", "answered", "one")


def test_a_loopback_listener_on_every_address_is_wider(backend: NetnsBackend) -> None:
    """A loopback listener with a wildcard socket serves more addresses than configured."""
    (item,) = shipped(backend, SERVICES / "zoo" / "loopback-is-wildcard.toml")
    assert (item.variant, item.sockets, item.effect) == ("'{IPv4 address}'", "4", "wider")


def test_what_never_listens_has_timed_out(backend: NetnsBackend, tmp_path: Path) -> None:
    """A service that runs without a socket is distinguished from one that ended: the report has the waiting time."""
    code = 'import time; print("error: bind: address already in use\\nretrying in 60 s", flush=True); time.sleep(60)'
    item = seen(backend, tmp_path, code)
    assert (item.sockets, item.timed_out, item.ended) == (NOT_LISTENING, True, "")
    assert item.error == "still not listening after 1 s: error: bind: address already in use"


def test_what_ends_has_not_timed_out(backend: NetnsBackend, tmp_path: Path) -> None:
    """For a service that ends, the report shows the output line with the reason, not the last line."""
    code = 'print("starting\\nError: listen EADDRNOTAVAIL: ::1\\n  at net.js:12\\nNode.js v20.18.0"); exit(1)'
    item = seen(backend, tmp_path, code)
    assert (item.sockets, item.timed_out, item.ended, item.effect) == (
        NOT_LISTENING, False, "exited with code 1", "refuses",
    )  # fmt: skip
    assert item.error == "Error: listen EADDRNOTAVAIL: ::1"


def test_what_listens_is_dialled_although_it_is_not_ready(backend: NetnsBackend, tmp_path: Path) -> None:
    """A service whose log never shows that it is ready is dialled anyway, and its answers are reported."""
    item = seen(backend, tmp_path, serve(), ready='log = "ready to serve"')
    assert (item.sockets, item.timed_out, item.answers["ipv4"]) == ("4", True, "answered")
    assert item.answers["ipv6"] == "ECONNREFUSED"


def test_what_has_ended_refuses_no_family(backend: NetnsBackend, tmp_path: Path) -> None:
    """A service that ends while it is dialled does not count as one that refuses the other family."""
    # Another process keeps the connection for a moment, so that the service has ended before its client notices.
    leave = "import os, time; os.fork() and os._exit(3); listener.close(); time.sleep(0.3); os._exit(0)"
    code = serve().replace("connection.sendall(connection.recv(1000))", leave)
    item = seen(backend, tmp_path, code)
    assert item.ended == "exited with code 3"
    assert "ipv6" not in item.answers


@pytest.mark.parametrize(
    ("said", "effect"),
    [
        ("WARNING: the option --workers is deprecated", "narrower"),
        ("12:30:45 ERROR std::io: cannot open the cache, version 3", "narrower"),
        ("warning: IPv6 is not available, serving IPv4 only", "half-started"),
        ("could not listen on [::]:7300", "half-started"),
        ("bind failed: Address family not supported by protocol", "half-started"),
    ],
)
def test_only_words_about_listening_count(backend: NetnsBackend, tmp_path: Path, said: str, effect: str) -> None:
    """For a service of one family, only a line about the port, an address, a family or the errno counts."""
    assert seen(backend, tmp_path, serve(said=said)).effect == effect


def test_two_sockets_of_one_program_are_no_split(backend: NetnsBackend, tmp_path: Path) -> None:
    """A program that shares a port with itself (SO_REUSEPORT) serves every client the same way."""
    places = '[(socket.AF_INET, "0.0.0.0")] * 2 + [(socket.AF_INET6, "::")] * 2'
    item = seen(backend, tmp_path, serve(places, "[socket.SO_REUSEPORT]"))
    assert (len(item.rows), item.sockets, item.effect) == (4, "4+6", "both")
