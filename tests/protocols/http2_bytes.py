"""Bytes of HTTP/2, for tests of both ends."""

from hpack import Encoder

from dualstack.protocols.http2_session import Headers

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK = 1, 1
END_HEADERS = 4


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """Return a frame (RFC 9113 §4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def headers(fields: Headers, *, end: bool = False, stream: int = 1) -> bytes:
    """Return header fields in one frame."""
    block = Encoder().encode(fields)
    return frame(HEADERS, block, END_HEADERS | (END_STREAM if end else 0), stream)


def data(payload: bytes, *, end: bool = False, stream: int = 1) -> bytes:
    """Return a part of a body in one frame."""
    return frame(DATA, payload, END_STREAM if end else 0, stream)


def goaway(last: int, code: int, text: bytes = b"") -> bytes:
    """Return the end of a connection."""
    return frame(GOAWAY, last.to_bytes(4) + code.to_bytes(4) + text)


def setting(key: int, value: int) -> bytes:
    """Return one setting in a frame."""
    return frame(SETTINGS, key.to_bytes(2) + value.to_bytes(4))


def reply(message: bytes, *, status: str = "0", more: Headers | None = None) -> bytes:
    """Return the answer to a call of gRPC, after the server's settings."""
    head = [(":status", "200"), ("content-type", "application/grpc")]
    body = data(b"\0" + len(message).to_bytes(4) + message)
    return frame(SETTINGS) + headers(head) + body + headers([("grpc-status", status), *(more or [])], end=True)


def failure(status: str, text: str = "") -> bytes:
    """Return the answer to a call that fails: trailers alone."""
    head = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", status)]
    return frame(SETTINGS) + headers([*head, *([("grpc-message", text)] if text else [])], end=True)


def call(path: str, message: bytes, fields: Headers | None = None, stream: int = 1) -> bytes:
    """Return a call of gRPC, without the preface."""
    head = [(":method", "POST"), (":scheme", "http"), (":path", path), *(fields or [(":authority", "[::1]:80")])]
    body = b"\0" + len(message).to_bytes(4) + message
    typed = [*head, ("content-type", "application/grpc")]
    return headers(typed, stream=stream) + data(body, end=True, stream=stream)
