"""The stock of a shop: a server on one socket for both families; with ``--ask HOST PORT`` a client."""

import asyncio
import socket
import sys


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line until the client closes the connection."""
    while line := await reader.readline():
        command, _, article = line.partition(b" ")
        writer.write(b"OK " + article if command == b"STOCK" else b"ERROR\n")
        await writer.drain()
    writer.close()


async def serve() -> None:
    """Serve clients of both families."""
    listener = socket.create_server(("", 8090), family=socket.AF_INET6, dualstack_ipv6=True)
    async with await asyncio.start_server(answer, sock=listener, backlog=512) as server:
        await server.serve_forever()


def ask(host: str, port: int) -> int:
    """Ask for an article; return the exit code."""
    with socket.create_connection((host, port), timeout=5) as connection, connection.makefile("rwb") as stream:
        stream.write(b"STOCK 4711\n")
        stream.flush()
        return 0 if stream.readline() == b"OK 4711\n" else 1


if __name__ == "__main__":
    if "--ask" in sys.argv:
        sys.exit(ask(sys.argv[2], int(sys.argv[3])))
    asyncio.run(serve())
