"""A small web server on one socket for both families; with ``--differ`` IPv6 clients get another page."""

import socket
import sys


def main() -> None:
    """Answer one request after the other."""
    with socket.create_server(("", 8080), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        while True:
            client, address = listener.accept()
            is_ipv6 = not address[0].startswith("::ffff:")
            page = b"closed" if is_ipv6 and "--differ" in sys.argv else b"open"
            with client:
                client.recv(4096)
                head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(page)
                client.sendall(head + page)


if __name__ == "__main__":
    main()
