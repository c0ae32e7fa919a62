"""A store that gives each client the next number."""

import socket
from itertools import count

family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
dual = family == socket.AF_INET6
with socket.create_server(("", 6379), family=family, dualstack_ipv6=dual) as server:
    for number in count(1):
        client, _ = server.accept()
        with client:
            client.sendall(b"%d\n" % number)
