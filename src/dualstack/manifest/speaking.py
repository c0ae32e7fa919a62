"""Checks of what a listener speaks: which keys belong to which protocol, and what shows that it serves."""

from collections.abc import Iterator

from dualstack.manifest.faults import Fault
from dualstack.manifest.models import Listen, Manifest, Protocol, Transport


def exchange_is_given(listen: Listen) -> Iterator[Fault]:
    """Refuse an exchange without a text, and texts without an exchange."""
    is_exchange = listen.protocol is Protocol.EXCHANGE
    if listen.protocol is not Protocol.ONEWAY and is_exchange != (listen.send is not None or listen.expect is not None):
        yield Fault((), '"send" and "expect" belong to protocol = "exchange", which needs at least one of them')
    if listen.large_send is not None and not is_exchange:
        yield Fault(("large_send",), '"large_send" belongs to protocol = "exchange"')


def keys_fit_the_protocol(listen: Listen) -> Iterator[Fault]:
    """Refuse keys that belong to another protocol or transport."""
    if listen.status and listen.protocol is not Protocol.HTTP:
        yield Fault(("status",), '"status" belongs to protocol = "http"')
    if listen.received_log is not None and listen.protocol is not Protocol.ONEWAY:
        yield Fault(("received_log",), '"received_log" belongs to protocol = "oneway"')
    if listen.reply_port == "any" and listen.transport is not Transport.UDP:
        yield Fault(("reply_port",), 'reply_port = "any" belongs to transport = "udp"')


def oneway_leaves_a_trace(listen: Listen) -> Iterator[Fault]:
    """Refuse a one-way listener whose datagrams nothing shows."""
    if listen.protocol is not Protocol.ONEWAY:
        return
    if listen.transport is not Transport.UDP:
        yield Fault(("protocol",), 'protocol = "oneway" belongs to transport = "udp"')
    if not listen.send:
        yield Fault((), 'protocol = "oneway" needs "send": the datagram')
    if listen.received_log is None and listen.peer_log is None:
        yield Fault((), 'protocol = "oneway" needs "received_log" or "peer_log": nothing else shows what came')
    if "{token}" in (listen.received_log or "") and "{token}" not in (listen.send or ""):
        yield Fault(("received_log",), 'it has {token}, but "send" has not')


def oneway_has_no_answer(listen: Listen) -> Iterator[Fault]:
    """Refuse keys about the answer of a one-way listener."""
    answers = {"expect": listen.expect, "peer_reply": listen.peer_reply, "reply_port": listen.reply_port == "any"}
    for key, used in answers.items():
        if used and listen.protocol is Protocol.ONEWAY:
            yield Fault((key,), 'it is about an answer, but protocol = "oneway" has none')


def readiness_can_be_shown(manifest: Manifest) -> Iterator[Fault]:
    """Refuse a readiness by an exchange that the first listener cannot hold beside those of its clients."""
    if not manifest.ready.exchange:
        return
    first, place = manifest.listen[0] if manifest.listen else None, ("ready", "exchange")
    if first is None:
        yield Fault(place, "there is no [[listen]] table to hold an exchange with")
    elif first.one_connection:
        yield Fault(place, f"the first listener, {first.name!r}, ends after one connection")
    elif first.protocol is Protocol.ONEWAY:
        yield Fault(place, f"the first listener, {first.name!r}, never answers")
