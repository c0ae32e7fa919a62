"""A dual-stack server of one of our application protocols: ``python protocol_server.py NAME PORT``."""

import asyncio
import sys
from contextlib import suppress

from dualstack.prober.messages import Serve
from dualstack.protocols.registry import server_for

NAME, PORT = sys.argv[1], int(sys.argv[2])


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Serve one client."""
    own, peer = (writer.get_extra_info(name)[0] for name in ("sockname", "peername"))
    conversation = server_for(Serve((own,), PORT, protocol=NAME), peer)
    with suppress(OSError):
        writer.write(conversation.start())
        while data := await reader.read(65536):
            turn = conversation.receive(data)
            writer.write(turn.send)
            if turn.close:
                break
        await writer.drain()
    writer.close()


async def main() -> None:
    """Listen on every address of both families."""
    async with await asyncio.start_server(serve, None, PORT) as server:
        await server.serve_forever()


asyncio.run(main())
