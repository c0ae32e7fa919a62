"""What a client of HTTP/2 has received, read again: its response, and the messages of a call of gRPC."""

from dataclasses import replace

from dualstack.protocols.grpc_ends import messages_in
from dualstack.protocols.http2_ends import request_head, status_of
from dualstack.protocols.http2_session import Broken, Session
from dualstack.protocols.response import Response


def response_in(received: bytes) -> Response | None:
    """Return the response to a client's only request; None if it is not complete."""
    session = Session(client=True)
    session.request(request_head("GET", "/", "::", 80, secure=False), b"")
    try:
        for message in session.take(received):
            if message.head:
                fields = (*message.head, *message.trailers)
                names = tuple((name.lower(), value) for name, value in fields if not name.startswith(":"))
                return Response(status_of(message), names, bytes(message.body), is_text=False)
    except Broken:
        pass
    return None


def replies_in(received: bytes) -> Response | None:
    """Return the response to a call of gRPC; its body is the first message, without its prefix."""
    found = response_in(received)
    messages = messages_in(found.body) if found is not None else None
    return replace(found, body=messages[0]) if found is not None and messages else found
