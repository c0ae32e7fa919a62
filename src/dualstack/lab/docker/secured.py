"""An attached stream over TLS, as a plain socket: two threads may not use one TLS connection at the same time."""

import contextlib
import select
import socket
import ssl
import threading

_PIECE = 64 << 10


def plain(secure: ssl.SSLSocket) -> socket.socket:
    """Return a plain socket to what is behind an encrypted one, which from then on belongs to a thread.

    The end of what is written to it, or its closing, is passed on as the end of what is sent (RFC 8446, section 6.1).
    """
    ours, theirs = socket.socketpair()
    threading.Thread(target=_relay, args=(theirs, secure), name="TLS to the engine", daemon=True).start()
    return ours


def _relay(inner: socket.socket, secure: ssl.SSLSocket) -> None:
    """Pass on what comes from either side until the encrypted one ends (in the thread)."""
    secure.setblocking(False)
    out = bytearray()
    goes_on = True
    # One side is gone: the other learns it by the closing of its socket.
    with contextlib.suppress(OSError), inner, secure:
        while True:
            wanted = [secure, inner] if goes_on and not out else [secure]
            readable, _, _ = select.select(wanted, [secure] if out else [], [])
            if inner in readable:
                data = inner.recv(_PIECE)
                out += data
                goes_on = bool(data)
                if not data:
                    _finish(secure)
            if out:
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    del out[: secure.send(out)]
            if secure in readable and not _pass_in(secure, inner):
                return


def _finish(secure: ssl.SSLSocket) -> None:
    """Say that nothing more will be sent; what comes is still read."""
    with contextlib.suppress(ssl.SSLWantReadError):
        secure.unwrap()


def _pass_in(secure: ssl.SSLSocket, inner: socket.socket) -> bool:
    """Pass on everything that has come; return whether more may."""
    while True:
        try:
            data = secure.recv(_PIECE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        inner.sendall(data)
