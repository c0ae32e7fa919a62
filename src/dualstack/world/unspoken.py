"""Connectors that the lab's server cannot speak with, because the manifest does not say what they expect."""

import re
from collections.abc import Iterable, Sequence

from dualstack.manifest import Connect
from dualstack.prober.messages import Accepted
from dualstack.protocols.certificates import TlsFault
from dualstack.transport import Transport

_ADVICE = (
    'tell the harness what the server says: in [[connect]] set protocol = "…", protocol = "exchange" with turns, or tls'
)

_SIGNS = (
    (r"'PRI \* HTTP/2", "HTTP/2", "http2"),
    (r"'(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (/|https?:)", "HTTP", "http"),
    (r"'(OPTIONS|DESCRIBE|ANNOUNCE) rtsp:", "RTSP", "rtsp"),
    (r"'\*\d+\\r\\n\$\d+\\r\\n", "Redis", "redis"),
    (r"'\\x10.{1,8}\\x00\\x04MQTT", "MQTT", "mqtt"),
)
"""How what a client sent begins, as messages quote it; what it speaks, in words, and the name of the protocol."""

_TLS = re.compile(r"'\\x16\\x03")
"""How a TLS client begins: a record of the handshake."""


def _recognised(sent: str) -> str:
    """Return what a client seems to speak and the key to set, as the end of a sentence; empty if it is not known."""
    if _TLS.search(sent):
        return "; it speaks TLS: add [connect.tls]"
    found = (f'; it speaks {words}: set protocol = "{name}"' for sign, words, name in _SIGNS if re.search(sign, sent))
    return next(found, "")


def revealed(reasons: Iterable[str]) -> str:
    """Return the protocol that the reasons of inconclusive cases say a client speaks; empty if they say none."""
    found = (re.search(r'; it speaks \S+: set protocol = "(\w+)"', reason) for reason in reasons)
    return next((match[1] for match in found if match), "")


def why_unspoken(connector: Connect, clients: Sequence[Accepted]) -> str:
    """Return why the lab's server could not speak with a connector that has failed; empty if it could.

    It could not if the connector sent bytes that the server's protocol does not understand, on every connection on
    which it sent any. If the manifest does not name a protocol, any connection is enough, because nothing says what the
    connector expects. It could if there was no connection, if all that is wrong is a message that is not complete, and
    if TLS failed.

    Args:
        connector: The connector.
        clients: Its connections, as the server accepted them.
    """
    if connector.transport is not Transport.TCP or not clients:
        return ""
    if any(client.tls not in (None, TlsFault.PLAIN) for client in clients):
        return ""
    speaking = [client for client in clients if client.received]
    if "protocol" not in connector.model_fields_set:
        what = speaking[0].detail if speaking else "it waited for the server, or closed the connection"
        spoke = f'the manifest names no protocol, so the server spoke "{connector.protocol}"'
        return f"{_ADVICE}; {spoke}; {what}{_recognised(what)}"
    if speaking and not any(client.understood for client in speaking):
        return (
            f'{_ADVICE}; the server spoke "{connector.protocol}"; {speaking[0].detail}{_recognised(speaking[0].detail)}'
        )
    return ""
