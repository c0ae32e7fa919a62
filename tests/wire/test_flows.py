"""Flows: how much each side said, and who ended it."""

from dualstack.transport import Transport
from dualstack.wire.flows import flows
from tests.wire.packets import F4, F6, MakeCapture, asked, handshake, reply, sent, syn, told


def test_bytes_of_both_sides_are_counted(make_capture: MakeCapture) -> None:
    """Of an exchange the request, the answer and the ends are kept."""
    wire = make_capture(
        *handshake(F6),
        (1, sent(F6, "PA", b"hello")),
        (2, sent(F6, "PA", b"answer", back=True)),
        (3, sent(F6, "FA")),
        (4, sent(F6, "FA", back=True)),
    )
    (flow,) = flows(wire, 8080)
    assert (flow.family, flow.established, flow.sent, flow.answered) == (F6, True, 5, 6)
    assert flow.first_sent is not None
    assert flow.ended is not None
    assert flow.client_ended is not None
    assert flow.first_sent < flow.client_ended < flow.ended
    assert not flow.hung_up


def test_a_connection_that_the_server_ends_without_a_byte(make_capture: MakeCapture) -> None:
    """It has hung up, by FIN or by RST, if its client was still there."""
    by_fin = make_capture(*handshake(F4), (1, sent(F4, "PA", b"hello")), (2, sent(F4, "FA", back=True)))
    by_rst = make_capture(*handshake(F4), (1, sent(F4, "PA", b"hello")), (2, sent(F4, "RA", back=True)))
    client = make_capture(*handshake(F4), (1, sent(F4, "FA")), (2, sent(F4, "FA", back=True)))
    (fin,), (rst,), (own,) = (flows(wire, 8080) for wire in (by_fin, by_rst, client))
    assert (fin.hung_up, fin.reset) == (True, False)
    assert (rst.hung_up, rst.reset) == (True, True)
    assert not own.hung_up


def test_a_refused_attempt_ends_nothing(make_capture: MakeCapture) -> None:
    """The RST that refuses a SYN is the fate of the attempt, and no end of a connection."""
    (flow,) = flows(make_capture((0, syn(F6)), (0.1, reply(F6, "RA"))), 8080)
    assert (flow.established, flow.ended, flow.reset, flow.hung_up) == (False, None, False, False)


def test_nothing_was_tried(make_capture: MakeCapture) -> None:
    """An empty capture has no flow."""
    assert flows(make_capture(), 8080) == ()


def test_datagrams(make_capture: MakeCapture) -> None:
    """Of UDP, requests and answers between the same ends are one flow."""
    wire = make_capture((0, asked(F6)), (1, told(F6)), (2, asked(F6, sport=40001)))
    one, other = flows(wire, 8081, Transport.UDP)
    assert (one.established, one.sent, one.answered) == (True, 4, 4)
    assert (other.established, other.sent, other.answered) == (False, 4, 0)
