"""``dualstack try`` with programs that are slow, silent, deaf or end: what is shown, and why."""

import sys

import pytest

from dualstack.cli.main import main

pytestmark = pytest.mark.lab

HEAD = """
import select, socket, sys, threading, time
def tcp(family, address):
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.bind((address, 8080))
    made.listen()
    return made
four = tcp(socket.AF_INET, sys.argv[1])
try:
    both = [four, tcp(socket.AF_INET6, "::")]
except OSError:
    both = [four]
kept = []
"""

SLOW_HTTP = """
def serve(made):
    time.sleep(1.4)
    made.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
    made.close()
while True:
    for one in select.select(both, [], [])[0]:
        threading.Thread(target=serve, args=one.accept()[:1], daemon=True).start()
"""

STATUS_BY_HOST = """
while True:
    for one in select.select(both, [], [])[0]:
        made = one.accept()[0]
        request = made.recv(9999)
        status = b"404 Not Found" if sys.argv[2:] else b"400 Bad Request" if b"[" in request else b"200 OK"
        made.sendall(b"HTTP/1.1 " + status + b"\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
        made.close()
"""

SILENT_AND_SLOW_TO_ACCEPT = """
while True:
    for one in select.select(both, [], [])[0]:
        time.sleep(0.3)
        kept.append(one.accept())
"""

IN_TURN = """
while True:
    for one in both:
        kept.append(one.accept())
"""

ENDS_AT_IPV6 = """
import socket
made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
made.bind(("::", 5353))
while True:
    data, source = made.recvfrom(2000)
    if not source[0].startswith("::ffff:"):
        print("malformed peer address", source[0], flush=True)
        raise SystemExit(255)
    made.sendto(data, source)
"""


def tried(program: str, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit code and what is printed for a program."""
    code = main(["try", "--", sys.executable, "-S", "-E", "-c", program, *words])
    return code, capsys.readouterr().out


def test_a_slow_server_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that stays silent at first is asked again with a longer limit."""
    _, printed = tried(HEAD + SLOW_HTTP, capsys, "0.0.0.0")
    assert "8080/tcp  HTTP; 0.0.0.0 (IPv4) and [::] (IPv6)" in printed


def test_a_program_that_accepts_late_is_not_blamed(capsys: pytest.CaptureFixture[str]) -> None:
    """A connection that is accepted after some hundred milliseconds counts, also if nothing is ever answered."""
    code, printed = tried(HEAD + SILENT_AND_SLOW_TO_ACCEPT, capsys, "0.0.0.0")
    assert "8080/tcp  accepts connections" in printed
    assert (code, "✗" in printed) == (0, False)


def test_a_connection_that_is_never_accepted_is_not_served(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that waits at one socket does not accept the connections of the other: the kernel answers for it."""
    code, printed = tried(HEAD + IN_TURN, capsys, "0.0.0.0")
    assert code == 1
    assert "8080/tcp  what it speaks is not recognised" in printed
    assert "✗ port 8080 over IPv4: it listens on 0.0.0.0 (IPv4) and [::] (IPv6), and the kernel establishes" in printed
    assert "the program does not accept them" in printed


def test_a_family_on_loopback_only(capsys: pytest.CaptureFixture[str]) -> None:
    """A family whose sockets are all on loopback has that as its reason, whatever the other family has."""
    code, printed = tried(HEAD + SLOW_HTTP, capsys, "127.0.0.1")
    assert code == 1
    assert "✗ port 8080 over IPv4: it listens only on 127.0.0.1 (loopback) for IPv4 (Dual-stack;" in printed


def test_a_program_that_ends_at_a_client(capsys: pytest.CaptureFixture[str]) -> None:
    """A program that ends while a client waits is shown with its exit code and the line of its output."""
    code, printed = tried(ENDS_AT_IPV6, capsys)
    assert code == 1
    assert 'it exited with code 255 while it was tried; its output says: "malformed peer address 2001:db8:' in printed


def test_an_error_for_one_family_is_no_service(capsys: pytest.CaptureFixture[str]) -> None:
    """A family whose clients get the status of an error is not served, also where there is no other family."""
    code, printed = tried(HEAD + STATUS_BY_HOST, capsys, "0.0.0.0")
    assert code == 1
    (reason,) = (line for line in printed.splitlines() if line.startswith("✗"))
    assert "port 8080 over IPv6:" in reason
    assert "answers with status 400" in reason
    assert "IPv6-only-strict" in printed[printed.index(reason) :]


def test_an_error_for_all_is_the_answer_of_the_service(capsys: pytest.CaptureFixture[str]) -> None:
    """A service that answers every client with the same error is served: nothing is known of its pages."""
    code, printed = tried(HEAD + STATUS_BY_HOST, capsys, "0.0.0.0", "404")
    assert (code, "✗" in printed) == (0, False)
