"""A shop of three programs on one host: a load balancer, its application, and a stand-in for the database.

They find each other at "localhost", over whichever family the host has.

usage: shop.py database PORT | application PORT DATABASE_PORT | balancer PORT APPLICATION_PORT
"""

import asyncio
import contextlib
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PAGE = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{text}"

PORT, BEHIND = int(sys.argv[2]), int(sys.argv[-1])
"""The port of this program, and that of the one behind it."""

counts: Counter[str] = Counter()


async def serve_this_host(handler: Handler) -> None:
    """Serve clients on this host at each loopback address that it has; an IPv6-only host may have no 127.0.0.1."""
    sockets = []
    for family, address in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
        with contextlib.suppress(OSError):
            sockets.append(socket.create_server((address, PORT), family=family))
    if not sockets:
        raise SystemExit(f"no loopback address can be used for port {PORT}")
    servers = [await asyncio.start_server(handler, sock=item) for item in sockets]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def serve_everybody(handler: Handler) -> None:
    """Serve clients over each family that the host has, with one socket for each."""
    server = await asyncio.start_server(handler, None, PORT)
    await server.serve_forever()


async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the program behind this one, at the first loopback address that answers."""
    return await asyncio.open_connection("localhost", BEHIND, happy_eyeballs_delay=0.25)


async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The database: answer each line, the name of a counter, with its new value."""
    while line := await reader.readline():
        name = line.decode().strip()
        counts[name] += 1
        writer.write(f"{counts[name]}\n".encode())
    writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The application: answer one HTTP request, once the database has counted it."""
    with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        await reader.readuntil(b"\r\n\r\n")
        counted, database = await connect()
        database.write(b"visits\n")
        await counted.readline()
        database.close()
        text = "the shop is open\n"
        writer.write(PAGE.format(size=len(text), text=text).encode())
        await writer.drain()
    writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what arrives, then its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def balance(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The load balancer: pass the bytes of a client to the application, and back."""
    with contextlib.suppress(OSError):
        upstream, towards = await connect()
        await asyncio.gather(copy(reader, towards), copy(upstream, writer))
        towards.close()
    writer.close()


PARTS = {
    "database": (serve_this_host, count),
    "application": (serve_this_host, answer),
    "balancer": (serve_everybody, balance),
}

serve, handle = PARTS[sys.argv[1]]
asyncio.run(serve(handle))
