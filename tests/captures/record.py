"""Records the golden captures anew: real exchanges of this kernel on the loopback interface.

Usage: ``unshare -Urn python tests/captures/record.py``. Each function below makes the exchange of one capture, which is
kept as ``tests/captures/test_golden/<function>.pcap``.
"""

import json
import multiprocessing
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

from dualstack.families import BOTH, Family
from dualstack.wire.recorder import record

FOLDER = Path(__file__).parent / "test_golden"
NONCE = "golden"


def connections_and_refusals() -> None:
    """Connect to a listener of each family, and to a closed port."""
    for family in BOTH:
        with (
            socket.create_server((family.loopback, 8080), family=family.af) as server,
            socket.create_connection((family.loopback, 8080)) as client,
        ):
            accepted, _ = server.accept()
            with accepted:
                client.sendall(b"hello")
                accepted.recv(10)
        with socket.socket(family.af) as client:
            client.connect_ex((family.loopback, 8081))


def datagrams_and_refusals() -> None:
    """Exchange datagrams over each family, and send one to a closed port."""
    for family in BOTH:
        with (
            socket.socket(family.af, socket.SOCK_DGRAM) as server,
            socket.socket(family.af, socket.SOCK_DGRAM) as client,
        ):
            server.bind((family.loopback, 8080))
            client.sendto(b"ping", (family.loopback, 8080))
            server.sendto(b"pong", server.recvfrom(10)[1])
            client.sendto(b"ping", (family.loopback, 8081))


def reply_from_another_address() -> None:
    """Answer from a wildcard socket, so that the kernel chooses the source: not the address that was asked."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind((Family.IPV4.wildcard, 8080))
        client.bind((Family.IPV4.loopback, 0))
        client.sendto(b"ping", ("127.0.0.2", 8080))
        server.sendto(b"pong", server.recvfrom(10)[1])


def checksum_switched_off() -> None:
    """Send over IPv6 with UDP_NO_CHECK6_TX."""
    udp_no_check6_tx = 101
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.IPPROTO_UDP, udp_no_check6_tx, 1)
        client.sendto(b"ping", ("::1", 8080))


def half_closed() -> None:
    """Answer only once the client has closed its sending side, as port 40000 does; port 40001 is reset instead."""
    with socket.create_server(("::1", 8080), family=socket.AF_INET6) as server:
        for port, answers in ((40000, True), (40001, False)):
            with socket.create_connection(("::1", 8080), source_address=("::1", port)) as client:
                accepted, _ = server.accept()
                client.sendall(b"question")
                client.shutdown(socket.SHUT_WR)
                while answers and accepted.recv(100):
                    pass
                if answers:
                    accepted.sendall(b"answer")
                accepted.close()
                client.setblocking(True)
                try:
                    client.recv(100)
                except ConnectionResetError:
                    continue


def _keep(exchange: Callable[[], None]) -> None:
    """Record one exchange."""
    ours, theirs = socket.socketpair()
    recorder = multiprocessing.Process(target=record, args=(theirs,))
    recorder.start()
    theirs.close()
    path = FOLDER / f"{exchange.__name__}.pcap"
    with ours, ours.makefile("rw") as lines:
        for order, action in (
            ({"interface": "lo", "path": str(path), "nonce": NONCE}, exchange),
            ({"stop": True}, None),
        ):
            lines.write(json.dumps(order) + "\n")
            lines.flush()
            print(exchange.__name__, lines.readline().strip())  # noqa: T201 - progress for the user
            if action is not None:
                action()
    recorder.join()


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    FOLDER.mkdir(exist_ok=True)
    for one in (
        connections_and_refusals,
        datagrams_and_refusals,
        reply_from_another_address,
        checksum_switched_off,
        half_closed,
    ):
        _keep(one)
