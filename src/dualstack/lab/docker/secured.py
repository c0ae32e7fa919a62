"""An attached stream over TLS, as a plain socket: two threads cannot use one TLS connection at the same time."""

import contextlib
import select
import socket
import ssl
import threading

_PIECE = 64 << 10


def plain(secure: ssl.SSLSocket) -> socket.socket:
    """Return a plain socket to the peer of a TLS socket, which a thread uses from now on.

    Shutting down or closing the plain socket sends close_notify (RFC 8446, section 6.1).
    """
    ours, theirs = socket.socketpair()
    threading.Thread(target=_relay, args=(theirs, secure), name="TLS to the engine", daemon=True).start()
    return ours


def _relay(inner: socket.socket, secure: ssl.SSLSocket) -> None:
    """Forward in both directions until the TLS side ends (in the thread)."""
    secure.setblocking(False)
    out = bytearray()
    sending = True
    # When one side has ended, closing the socket tells the other.
    with contextlib.suppress(OSError), inner, secure:
        while True:
            wanted = [secure, inner] if sending and not out else [secure]
            readable, _, _ = select.select(wanted, [secure] if out else [], [])
            if inner in readable:
                data = inner.recv(_PIECE)
                out += data
                sending = bool(data)
                if not data:
                    _finish(secure)
            if out:
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    del out[: secure.send(out)]
            if secure in readable and not _pass_in(secure, inner):
                return


def _finish(secure: ssl.SSLSocket) -> None:
    """Send close_notify; incoming data is still read."""
    with contextlib.suppress(ssl.SSLWantReadError):
        secure.unwrap()


def _pass_in(secure: ssl.SSLSocket, inner: socket.socket) -> bool:
    """Forward everything that has arrived; return whether more can arrive."""
    while True:
        try:
            data = secure.recv(_PIECE)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        inner.sendall(data)
