"""PROXY headers: what is written is read again, however it is split, and whatever is damaged has a clear reason."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.errors import UsageError
from dualstack.families import Family, unmapped
from dualstack.prober.messages import Dial, Serve
from dualstack.protocols.application import ScriptTurn
from dualstack.protocols.conversation import Conversation
from dualstack.protocols.judgement import Outcome
from dualstack.protocols.layers import behind_relay, layered
from dualstack.protocols.proxy_header import (
    LONGEST_LINE,
    SIGNATURE,
    VERSIONS,
    Endpoints,
    HeaderReader,
    ProxyHeader,
    Version,
    write,
)
from dualstack.protocols.registry import client_for, server_for
from tests.fuzz.damage import damaged
from tests.protocols.pieces import CUTS, examples, split
from tests.protocols.test_tls import CLIENT, SERVER, Talk, judged

OURS = Endpoints("2001:db8::c1", 56324, "2001:db8::5", 443)
THEIRS = Endpoints("192.0.2.201", 56324, "192.0.2.5", 443)
LONGEST = Endpoints("ffff:" * 7 + "ffff", 65535, "ffff:" * 7 + "fffe", 65535)

PORTS = st.integers(0, 65535)
ENDS = st.one_of(
    st.builds(Endpoints, *(st.ip_addresses(v=4).map(str), PORTS) * 2),
    st.builds(Endpoints, *(st.ip_addresses(v=6).map(str), PORTS) * 2),
)
EITHER = st.sampled_from(VERSIONS)
HEADERS = st.builds(write, EITHER, st.none() | ENDS)


def read(pieces: Iterable[bytes], versions: tuple[Version, ...] = VERSIONS) -> tuple[ProxyHeader | None, str, bytes]:
    """Return the header, why there is none, and what follows it."""
    reader, rest = HeaderReader(versions), b""
    for piece in pieces:
        rest += reader.add(piece)
    return reader.header, reader.missing, rest


def why(data: bytes, versions: tuple[Version, ...] = VERSIONS) -> str:
    """Return why bytes are no header."""
    header, fault, _ = read([data], versions)
    assert header is None or header.fault == fault
    assert fault
    return fault


@examples
@given(EITHER, ENDS, CUTS, st.binary(max_size=20))
def test_what_is_written_is_read(version: Version, ends: Endpoints, cuts: list[int], after: bytes) -> None:
    """A header of each version and family is read as it was written, in pieces of any size, and nothing after it."""
    header, fault, rest = read(split(write(version, ends) + after, cuts))
    assert not fault
    assert header is not None
    assert (header.version, header.endpoints, rest) == (version, ends, after)


@examples
@given(HEADERS, st.data(), CUTS)
def test_damage_never_raises(header: bytes, data: st.DataObject, cuts: list[int]) -> None:
    """Damaged headers have a reason, or are other headers; the result does not depend on how they are split."""
    bytes_ = data.draw(damaged(header))
    found = read([bytes_])
    assert read(split(bytes_, cuts)) == found
    assert (found[0] is None or bool(found[0].fault)) == bool(found[1])


@examples
@given(st.binary(max_size=300), CUTS)
def test_any_bytes_have_one_result(data: bytes, cuts: list[int]) -> None:
    """Bytes that were no header are judged the same in pieces of any size."""
    assert read(split(data, cuts)) == read([data])


@examples
@given(EITHER, ENDS)
def test_a_line_fits_the_buffer_of_a_receiver(version: Version, ends: Endpoints) -> None:
    """A line has at most 107 bytes, and so does a header of version 2 without fields."""
    assert len(write(version, ends)) <= LONGEST_LINE


def test_the_forms_of_the_specification() -> None:
    """The headers are, byte by byte, those of §2.1 and §2.2."""
    assert write("v1", THEIRS) == b"PROXY TCP4 192.0.2.201 192.0.2.5 56324 443\r\n"
    assert write("v1", OURS) == b"PROXY TCP6 2001:db8::c1 2001:db8::5 56324 443\r\n"
    assert len(write("v1", LONGEST)) == 104
    assert write("v1", None) == b"PROXY UNKNOWN\r\n"
    addresses = bytes.fromhex("c00002c9c0000205dc0401bb")
    assert write("v2", THEIRS) == SIGNATURE + b"\x21\x11\x00\x0c" + addresses
    assert write("v2", THEIRS, datagrams=True) == SIGNATURE + b"\x21\x12\x00\x0c" + addresses
    assert write("v2", OURS)[:16] == SIGNATURE + b"\x21\x21\x00\x24"
    assert write("v2", None) == SIGNATURE + b"\x20\x00\x00\x00"


def test_what_no_header_can_say() -> None:
    """Addresses of two families, and datagrams in version 1, are refused when they are written."""
    with pytest.raises(UsageError, match="different families"):
        write("v2", Endpoints("192.0.2.1", 1, "2001:db8::1", 2))
    with pytest.raises(UsageError, match="datagrams"):
        write("v1", OURS, datagrams=True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("TCP4 2001:db8::1 192.0.2.1 1 2", "'2001:db8::1' is an IPv6 address, but the line says TCP4"),
        ("TCP6 2001:db8::1 192.0.2.1 1 2", "'192.0.2.1' is an IPv4 address, but the line says TCP6"),
        ("TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2", "'::ffff:192.0.2.1' is in mixed notation"),
        ("TCP6 [2001:db8::1] 2001:db8::2 1 2", "'[2001:db8::1]' has brackets"),
        ("TCP6 [2001 2001:db8::2 1 2", "'[2001': an address was cut at its first colon"),
        ("TCP6 fe80::1%eth0 2001:db8::2 1 2", "'fe80::1%eth0' has a zone"),
        ("TCP6 2001:db8::1::2 2001:db8::2 1 2", "'2001:db8::1::2' is no address of TCP6"),
        ("TCP4 192.0.2.01 192.0.2.2 1 2", "'192.0.2.01' is no address of TCP4"),
        ("TCP4 192.0.2 192.0.2.2 1 2", "'192.0.2' is no address of TCP4"),
        ("TCP4 192.0.2.256 192.0.2.2 1 2", "'192.0.2.256' is no address of TCP4"),
        ("TCP4 192.0.2.1 192.0.2.2 65536 2", "'65536' is no port"),
        ("TCP4 192.0.2.1 192.0.2.2 1 02", "'02' is no port"),
        ("TCP4 192.0.2.1 192.0.2.2 1", "it has 5 fields"),
        ("TCP4 192.0.2.1  192.0.2.2 1 2", "it has 7 fields"),
        ("TCP4 192.0.2.1 192.0.2.2 1 2 ", "it has 7 fields"),
        ("TCP5 192.0.2.1 192.0.2.2 1 2", "neither TCP4, TCP6 nor UNKNOWN"),
        ("UNKNOWNS", "neither TCP4, TCP6 nor UNKNOWN"),
        ("", "neither TCP4, TCP6 nor UNKNOWN"),
    ],
)
def test_a_malformed_line_has_its_reason(line: str, reason: str) -> None:
    """The reason names what is wrong, and the line is kept."""
    header, fault, rest = read([f"PROXY {line}\r\nafter".encode()])
    assert reason in fault
    assert header is not None
    assert (header.text, rest) == (f"PROXY {line}", b"after")


def test_a_line_ends_with_crlf_in_time() -> None:
    """The CRLF comes within 107 bytes; a line feed alone does not end a line (§2.1)."""
    unknown = b"PROXY UNKNOWN "
    assert read([unknown + b"x" * (105 - len(unknown)) + b"\r\n"])[0] is not None
    assert "its first 107 bytes have no CRLF" in why(unknown + b"x" * (106 - len(unknown)) + b"\r\n")
    assert why(b"PROXY UNKNOWN\n") == "only 14 bytes of it came"


@pytest.mark.parametrize(
    ("place", "byte", "reason"),
    [
        (12, 0x11, "it says version 1"),
        (12, 0x22, "its command 0x2 is neither LOCAL (0x0) nor PROXY (0x1)"),
        (13, 0x41, "its family and transport 0x41 do not exist"),
        (13, 0x23, "its family and transport 0x23 do not exist"),
        (13, 0x21, "its length is 12, and the addresses of 0x21 take 36 bytes"),
        (15, 11, "its length is 11, and the addresses of 0x11 take 12 bytes"),
        (11, 0x0D, "and no PROXY header does"),
    ],
)
def test_a_malformed_binary_header_has_its_reason(place: int, byte: int, reason: str) -> None:
    """The reason names the field of version 2 that is wrong."""
    data = bytearray(write("v2", THEIRS))
    data[place] = byte
    assert reason in why(bytes(data))


def test_what_is_behind_the_addresses_is_skipped() -> None:
    """Type-length-value fields, up to the greatest length, and the addresses of LOCAL are skipped (§2.2)."""
    data = write("v2", OURS)
    value = b"x" * (0xFFFF - 36 - 3 - 4)
    fields = b"\x04" + len(value).to_bytes(2, "big") + value + b"\x20\x00\x01v"
    whole = data[:14] + b"\xff\xff" + data[16:] + fields
    assert read(split(whole + b"after", [16, 52, 60_000]))[1:] == ("", b"after")
    header, _, rest = read([data[:12] + b"\x20" + data[13:] + b"after"])
    assert header is not None
    assert (header.endpoints, rest) == (None, b"after")


@pytest.mark.parametrize("rest", [b"x", bytes(2), b"\x04\x00\x02v", b"\x04\x00\x00\x04", b"\x04\x00\x15" + b"v" * 20])
def test_what_is_behind_the_addresses_is_fields(rest: bytes) -> None:
    """A length that does not end with a field is malformed (§2.2.7); what it covers is no part of the stream."""
    data = write("v2", THEIRS)
    header, fault, after = read([data[:14] + (12 + len(rest)).to_bytes(2, "big") + data[16:] + rest + b"after"])
    assert header is not None
    assert f"the {len(rest)} bytes after the addresses are no sequence of fields" in fault
    assert (header.endpoints, after) == (THEIRS, b"after")


@pytest.mark.parametrize("kind", [0x00, 0x31, 0x32])
def test_other_families_have_no_addresses(kind: int) -> None:
    """UNSPEC and Unix sockets are headers without IP addresses."""
    size = 216 if kind else 0
    header, _, rest = read([SIGNATURE + bytes((0x21, kind, 0, size)) + bytes(size) + b"after"])
    assert header is not None
    assert (header.endpoints, rest) == (None, b"after")


def test_a_version_that_is_not_expected_is_a_fault() -> None:
    """A reader of one version refuses the other one, once its beginning is there."""
    assert why(write("v2", OURS), ("v1",)) == "it is of version 2, and version 1 is expected"
    assert why(write("v1", OURS), ("v2",)) == "it is of version 1, and version 2 is expected"
    assert why(SIGNATURE[:5], ("v1",)) == "only 5 bytes of it came"


def test_without_a_header_the_first_bytes_are_shown() -> None:
    """What begins otherwise is no header, and the reason shows it up to the first byte that is wrong."""
    assert why(b"GET / HTTP/1.1\r\n") == "the connection begins with b'G', and no PROXY header does"
    assert why(b"PROXIES") == "the connection begins with b'PROXI', and no PROXY header does"
    assert why(b"") == "nothing came"


def behind(*, tls: bool = False, turns: tuple[ScriptTurn, ...] = ()) -> Conversation:
    """Return a server's end behind a relay: an echo, or a script."""
    protocol = "exchange" if turns else "echo"
    offer = Serve(("::1",), 80, protocol=protocol, proxy=VERSIONS, turns=turns, tls=SERVER if tls else None)
    return behind_relay(layered(server_for(offer, "::1"), offer), offer)


@examples
@given(EITHER, ENDS, CUTS)
def test_a_server_behind_a_relay_serves_after_the_header(version: Version, ends: Endpoints, cuts: list[int]) -> None:
    """The server answers what follows the header, and its judgement has the header."""
    server = behind()
    assert server.start() == b""
    sent = b"".join(server.receive(piece).send for piece in split(write(version, ends) + b"hello", cuts))
    judgement = server.end("over")
    assert (sent, judgement.outcome) == (b"hello", Outcome.ANSWERED)
    assert judgement.proxied is not None
    assert judgement.proxied.endpoints == ends


def test_a_server_that_speaks_first_waits_for_the_header() -> None:
    """A greeting is sent once the header is complete (§2)."""
    server = behind(turns=(ScriptTurn(None, "220 ready\r\n"), ScriptTurn("QUIT\r\n", "221 bye\r\n")))
    data = write("v1", OURS)
    assert server.start() == server.receive(data[:-1]).send == b""
    assert server.receive(data[-1:]).send == b"220 ready\r\n"
    assert server.receive(b"QUIT\r\n").send == b"221 bye\r\n"


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (b"PROXY TCP4 2001:db8::1 192.0.2.1 1 2\r\n", "'2001:db8::1' is an IPv6 address"),
        (SIGNATURE + b"\x21\x21\x00\x0c" + bytes(12), "its length is 12"),
        (write("v2", OURS).replace(b"\x21\x21", b"\x2f\x21"), "its command 0xf"),
    ],
)
@examples
@given(cuts=CUTS)
def test_a_malformed_header_has_no_other_effect(damage: bytes, fault: str, cuts: list[int]) -> None:
    """What follows is served, because the server observes, and the judgement says what is wrong with the header."""
    server = behind()
    sent = b"".join(server.receive(piece).send for piece in split(damage + b"hello", cuts))
    judgement = server.end("over")
    assert (sent, judgement.outcome) == (b"hello", Outcome.ANSWERED)
    assert judgement.proxied is not None
    assert fault in judgement.proxied.fault


def test_without_a_header_everything_is_served() -> None:
    """A relay that sends no header is served, and the judgement says that there was none."""
    server = behind()
    assert server.receive(b"hello").send == b"hello"
    proxied = server.end("over").proxied
    assert proxied is not None
    assert (proxied.version, proxied.text) == ("", "")
    assert "no PROXY header does" in proxied.fault


def test_a_connection_without_a_header_is_silent_or_wrong() -> None:
    """Nothing at all is silence, and a part of a header is wrong."""
    server = behind()
    assert server.end("over").outcome is Outcome.SILENT
    server.receive(b"PROXY TC")
    judgement = server.end("over")
    assert (judgement.outcome, judgement.detail) == (Outcome.WRONG, "no PROXY header: only 8 bytes of it came")


def test_the_header_comes_before_tls() -> None:
    """The layer is outside of TLS: the handshake begins after the header."""
    server, dial = behind(tls=True), Dial(Family.IPV6, "2001:db8::1", 443, protocol="echo", tls=CLIENT)
    server.receive(write("v2", OURS))
    talk = Talk(layered(client_for(dial), dial), server)
    assert judged(talk).outcome is Outcome.ANSWERED
    assert server.end("over").proxied is not None


def test_mapped_addresses_are_read_as_they_are() -> None:
    """A mapped address in hexadecimal groups is an IPv6 address: that it should not be there is another matter."""
    header = read([b"PROXY TCP6 ::ffff:c000:201 ::ffff:c000:202 1 2\r\n"])[0]
    assert header is not None
    assert header.endpoints is not None
    assert unmapped(header.endpoints.source) == "192.0.2.1"
