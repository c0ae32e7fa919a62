"""Connectors that the lab's server cannot speak with, because the manifest does not say what they expect."""

from collections.abc import Sequence

from dualstack.manifest import Connect
from dualstack.prober.messages import Accepted
from dualstack.protocols.certificates import TlsFault
from dualstack.transport import Transport

_ADVICE = (
    'tell the harness what the server says: in [[connect]] set protocol = "…", protocol = "exchange" with turns, or tls'
)


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
        return f"{_ADVICE}; {spoke}; {what}"
    if speaking and not any(client.understood for client in speaking):
        return f'{_ADVICE}; the server spoke "{connector.protocol}"; {speaking[0].detail}'
    return ""
