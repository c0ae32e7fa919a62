"""What is concluded from both ends of a connection through a relay."""

import hashlib

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.prober.messages.streaming import Ended, Streamed, stream_of
from dualstack.world.relayed_streams import (
    BEFORE,
    CLIENT_ENDS,
    CLIENT_RESETS,
    FEW,
    MUCH,
    SERVER_ENDS,
    SERVER_RESETS,
    Passed,
    Scripts,
    half_closed,
    resets,
)

IPV4, IPV6 = Family.IPV4, Family.IPV6
CLIENT, SERVER = stream_of("client", BEFORE), stream_of("server", MUCH)
EARLY_SERVER = stream_of("server", BEFORE)
LATE_CLIENT = stream_of("client", FEW) + stream_of("client", MUCH)


def saw(data: bytes, ended: Ended) -> Streamed:
    """Return what an end has seen that got these bytes and this end."""
    return Streamed(True, 3, len(data), hashlib.sha256(data).hexdigest(), ended)


NOTHING = saw(b"", Ended.NOT)


@pytest.mark.parametrize(
    ("scripts", "client", "server"),
    [
        (CLIENT_ENDS, saw(SERVER, Ended.FIN), saw(CLIENT, Ended.FIN)),
        (SERVER_ENDS, saw(EARLY_SERVER, Ended.FIN), saw(LATE_CLIENT, Ended.FIN)),
    ],
)
def test_all_bytes_and_both_ends(scripts: Scripts, client: Streamed, server: Streamed) -> None:
    """A half-close is passed on if each end got all bytes of the other one, and its end."""
    finding = half_closed(IPV4, IPV6, scripts, Passed(client, server))
    assert finding.ok
    assert not finding.symptoms


@pytest.mark.parametrize(
    ("scripts", "client", "server", "symptom"),
    [
        (CLIENT_ENDS, NOTHING, saw(CLIENT, Ended.NOT), Symptom.HALF_CLOSE_LOST),
        (CLIENT_ENDS, saw(b"", Ended.FIN), saw(CLIENT, Ended.RESET), Symptom.HALF_CLOSE_LOST),
        (CLIENT_ENDS, saw(b"", Ended.FIN), saw(CLIENT, Ended.FIN), Symptom.HALF_CLOSE_LOST),
        (CLIENT_ENDS, saw(SERVER, Ended.FIN), saw(CLIENT[:-1], Ended.FIN), Symptom.LAST_BYTES_LOST),
        (CLIENT_ENDS, NOTHING, None, Symptom.HALF_CLOSE_LOST),
        (SERVER_ENDS, saw(EARLY_SERVER[1:], Ended.FIN), saw(LATE_CLIENT, Ended.FIN), Symptom.LAST_BYTES_LOST),
        (SERVER_ENDS, saw(EARLY_SERVER, Ended.NOT), saw(CLIENT[:FEW], Ended.NOT), Symptom.HALF_CLOSE_LOST),
        (SERVER_ENDS, saw(CLIENT, Ended.FIN), saw(LATE_CLIENT, Ended.FIN), Symptom.LAST_BYTES_LOST),
    ],
)
def test_what_is_missing(scripts: Scripts, client: Streamed, server: Streamed | None, symptom: Symptom) -> None:
    """A missing end, an end of both directions, and bytes that are missing before an end are distinguished."""
    finding = half_closed(IPV6, IPV4, scripts, Passed(client, server))
    assert (finding.ok, finding.symptoms, finding.level) == (False, (symptom,), "")


@pytest.mark.parametrize(
    ("ended", "ok", "level"), [(Ended.RESET, True, ""), (Ended.FIN, False, "SHOULD"), (Ended.NOT, False, "")]
)
def test_a_reset_is_passed_on_as_one(ended: Ended, ok: object, level: str) -> None:
    """FIN in place of RST breaks a SHOULD; no end at all breaks a MUST, whichever side has reset."""
    told = saw(b"", ended)
    for scripts, passed in ((CLIENT_RESETS, Passed(NOTHING, told)), (SERVER_RESETS, Passed(told, NOTHING))):
        finding = resets(IPV4, IPV4, scripts, passed)
        assert (finding.ok, finding.level, bool(finding.symptoms)) == (ok, level, not ok)
    assert not resets(IPV4, IPV4, CLIENT_RESETS, Passed(NOTHING, None)).ok
