"""A web server that asks a store for the next number. It listens on every address of both families."""

import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST, PORT = os.environ["STORE"].rsplit(":", 1)


class Page(BaseHTTPRequestHandler):
    """Answers with the store's number."""

    def do_GET(self) -> None:
        """Answer one request."""
        with socket.create_connection((HOST, int(PORT)), 5) as store:
            number = store.makefile("rb").readline()
        self.send_response(200)
        self.send_header("Content-Length", str(len(number)))
        self.end_headers()
        self.wfile.write(number)


class Server(ThreadingHTTPServer):
    """A server on one IPv6 socket for both families; on a host without IPv6, on an IPv4 socket."""

    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Take IPv4 clients, too, whatever the kernel's default is."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    Server(("", int(sys.argv[sys.argv.index("--port") + 1])), Page).serve_forever()
