"""What the requirements on RTSP, FTP and SIP conclude from the answers."""

import importlib
from types import ModuleType

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.protocols.ftp import Reply
from dualstack.protocols.headed import Message, read_all
from dualstack.protocols.sdp import SdpAddress

F4, F6 = Family.IPV4, Family.IPV6
OWN = {F4: ("192.0.2.1",), F6: ("2001:db8::1",)}


def suite(name: str) -> ModuleType:
    """Return the module of a suite."""
    return importlib.import_module(f"dualstack.content.suites.advertise.test_{name}")


@pytest.mark.parametrize(
    ("where", "kind", "host", "family", "fault"),
    [
        ("o=", "IP4", "192.0.2.1", F4, ""),
        ("o=", "IP6", "2001:db8::1", F6, ""),
        ("o=", "IP6", "2001:DB8:0::1", F6, ""),
        ("o=", "IP6", "camera.test", F6, ""),
        ("c= of the session", "IP4", "0.0.0.0", F4, ""),
        ("c= of medium 1", "IP6", "::", F6, ""),
        ("c= of medium 1", "IP6", "ff1e::1", F6, ""),
        ("o=", "IP4", "192.0.2.1", F6, "the client has IPv6, whose type is IP6"),
        ("o=", "IP6", "::ffff:192.0.2.1", F6, "IPv4-mapped"),
        ("o=", "IP6", "::ffff:192.0.2.1", F4, "the client has IPv4, whose type is IP4"),
        ("o=", "IP6", "[2001:db8::1]", F6, "it has brackets"),
        ("o=", "IP6", "::1", F6, "loopback"),
        ("o=", "IP6", "::", F6, "the unspecified address"),
        ("o=", "IP6", "192.0.2.1", F6, "it is an IPv4 address"),
        ("o=", "IP6", "2001:db8::9", F6, "not an address of the service"),
        ("o=", "IP7", "x", F6, "expected IN IP6"),
        ("c= of the session", "IP6", "0.0.0.0", F6, "the unspecified address"),
        ("c= of the session", "IP4", "127.0.0.1", F4, "loopback"),
    ],
    ids=range(18),
)
def test_a_line_of_a_description(where: str, kind: str, host: str, family: Family, fault: str) -> None:
    """The type is the client's, the origin is the service or a name, and the medium is anywhere or usable."""
    found = suite("rtsp").judged(SdpAddress(where, "IN", kind, host), family, OWN[family])
    assert found.ok is not bool(fault)
    assert fault in found.happened
    assert found.symptoms == ((Symptom.UNUSABLE_ADDRESS,) if fault else ())


def test_loopback_is_usable_on_the_same_host() -> None:
    """A client on the service's own host can use a loopback address."""
    item = SdpAddress("o=", "IN", "IP6", "::1")
    assert suite("rtsp").judged(item, F6, ("::1",), inside=True).ok


@pytest.mark.parametrize(
    ("field", "family", "symptom"),
    [
        (("content-base", "rtsp://[2001:db8::1]:554/x/"), F6, None),
        (("content-base", "rtsp://camera.test/x/"), F6, None),
        (("rtp-info", "url=rtsp://[2001:db8::1]/x/0;seq=1"), F6, None),
        (("transport", "RTP/AVP;unicast;source=2001:db8::1"), F6, None),
        (("transport", "RTP/AVP;unicast;source=[2001:db8::1]"), F6, None),
        (("content-base", "rtsp://2001:db8::1:554/x/"), F6, Symptom.NO_BRACKETS),
        (("rtp-info", "url=rtsp://2001:db8::1/x/0;seq=1"), F6, Symptom.NO_BRACKETS),
        (("transport", "RTP/AVP;unicast;source=192.0.2.1"), F6, Symptom.UNUSABLE_ADDRESS),
        (("transport", "RTP/AVP;unicast;source=::ffff:192.0.2.1"), F4, Symptom.UNUSABLE_ADDRESS),
    ],
    ids=range(9),
)
def test_uris_and_sources_of_a_medium(field: tuple[str, str], family: Family, symptom: Symptom | None) -> None:
    """URIs have brackets, and a source is an address of the client's family."""
    (found,) = suite("rtsp").on_the_way(Message("RTSP/1.0 200 OK", (field,)), family)
    assert found.symptoms == ((symptom,) if symptom else ())
    assert found.ok is (symptom is None)


@pytest.mark.parametrize(
    ("text", "family", "ok"),
    [
        ("227 Entering (192,0,2,1,35,41).", F4, True),
        ("227 Entering (192,0,2,9,35,41).", F4, False),
        ("227 Entering (0,0,0,0,35,41).", F4, False),
        ("500 no", F4, True),
        ("227 Entering (192,0,2,1,35,41).", F6, False),
        ("227 Entering (0,0,0,0,35,41).", F6, False),
        ("227 Entering passive mode (2001:db8::1,207,35).", F6, False),
        ("425 use EPSV", F6, True),
        ("522 use EPSV", F6, True),
    ],
)
def test_replies_to_pasv(text: str, family: Family, ok: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """Over IPv4 the reply has the address that was dialled; over IPv6 only a refusal is right."""
    found = suite("ftp").passive(Reply(int(text[:3]), text), family, "192.0.2.1")
    wrong = Symptom.UNUSABLE_ADDRESS if family is F4 else Symptom.PASV_OVER_IPV6
    assert (found.ok, found.symptoms) == (ok, () if ok else (wrong,))


@pytest.mark.parametrize(
    ("via", "contact", "faults"),
    [
        ("[2001:db8::2];rport=9;received=2001:db8::2", "sip:[2001:db8::1]:5060", []),
        ("[2001:db8::2];received=[2001:DB8::2]", "<sip:x@camera.test>", []),
        ("2001:db8::2;rport=9", "sip:[2001:db8::1]", [Symptom.NO_BRACKETS]),
        ("[2001:db8::2];received=::ffff:192.0.2.2", "sip:[2001:db8::1]", [Symptom.MAPPED_ADDRESS]),
        ("[2001:db8::2]", "sip:2001:db8::1:5060", [Symptom.NO_BRACKETS]),
        ("[2001:db8::2]", "sip:192.0.2.1", [Symptom.UNUSABLE_ADDRESS]),
        ("[2001:db8::2]", "sip:[::]:5060", [Symptom.UNUSABLE_ADDRESS]),
    ],
    ids=range(7),
)
def test_addresses_in_responses(via: str, contact: str, faults: list[Symptom]) -> None:
    """Via keeps its brackets, received is the client's address with or without them, and Contact is usable."""
    (request,) = read_all(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::2];rport\r\n\r\n")
    response = Message("SIP/2.0 200 OK", (("via", f"SIP/2.0/UDP {via}"), ("contact", contact)))
    found = list(suite("sip").judged(request, response, F6, "2001:db8::2"))
    assert [symptom for finding in found for symptom in finding.symptoms] == faults
    assert [finding.ok for finding in found].count(False) == len(faults)
