"""Own addresses in payloads are found in every form, whole or split over segments; others are not."""

import pytest
from scapy.layers.inet import TCP

from dualstack.errors import Inconclusive
from dualstack.wire.expect import no_own_address
from tests.wire.packets import C4, F4, S4, MakeCapture, handshake, sent


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([b"hello from 198.51.100.33\n"], "198.51.100.33"),
        ([b"PORT 198,51,100,33,4,1\r\n"], "198,51,100,33"),
        ([b"\x05" + bytes([198, 51, 100, 33])], "198.51.100.33 in four bytes"),
        ([b"from 198.51", b".100.33 here"], "198.51.100.33"),
    ],
)
def test_each_form_is_found(make_capture: MakeCapture, pieces: list[bytes], found: str) -> None:
    """Text with dots, FTP's form with commas, four bytes, and a text over two segments."""
    packets, seq = list(handshake(F4, 0)), 8
    for number, piece in enumerate(pieces):
        segment = sent(F4, "PA", piece)
        segment[TCP].seq = seq
        packets.append((0.1 + number / 10, segment))
        seq += len(piece)
    finding = no_own_address(make_capture(*packets), 8080, [C4], S4)
    assert (finding.ok, finding.happened) == (False, f"it sends {found}")


def test_other_addresses_are_fine(make_capture: MakeCapture) -> None:
    """The server's address, and an own address that only the server sends, are no faults."""
    packets = [
        *handshake(F4, 0),
        (0.1, sent(F4, "PA", b"Host: 198.51.100.1")),
        (0.2, sent(F4, "PA", C4.encode(), back=True)),
    ]
    assert no_own_address(make_capture(*packets), 8080, [C4], S4).ok


def test_nothing_sent_shows_nothing(make_capture: MakeCapture) -> None:
    """Without a payload there is nothing to judge."""
    with pytest.raises(Inconclusive, match="no payload was sent to 198"):
        no_own_address(make_capture(*handshake(F4, 0)), 8080, [C4], S4)
