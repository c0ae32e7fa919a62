"""PROXY headers between the prober's clients and servers, over real connections."""

from dataclasses import replace

import pytest

from dualstack.authority import authority_certificate, issue
from dualstack.families import BOTH, Family
from dualstack.prober.client import Prober
from dualstack.prober.messages import Dial, HoldConnections, Outcome, Serve, Stage
from dualstack.protocols.certificates import ClientTls
from dualstack.protocols.proxy_header import VERSIONS, Endpoints, Version
from dualstack.transport import AppProtocol

PORT = 7448
LOOPBACKS = tuple(family.loopback for family in BOTH)
SERVE = Serve(LOOPBACKS, PORT, proxy=VERSIONS)

each_family = pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
each_version = pytest.mark.parametrize("version", VERSIONS)


def to(family: Family, version: Version = "v1") -> Dial:
    """Return a dial that begins with a header."""
    return Dial(family, family.loopback, PORT, protocol=AppProtocol.ECHO, proxy=version)


@each_family
@each_version
@pytest.mark.parametrize("joined", [False, True], ids=["apart", "joined"])
def test_a_client_sends_both_ends_of_its_connection(
    prober: Prober, family: Family, version: Version, *, joined: bool
) -> None:
    """The header has the connection's own addresses and ports, and is no part of what the client reports as sent."""
    with prober.serve(SERVE) as serving:
        result = prober.dial(replace(to(family, version), joined=joined))
        (client,) = serving.accepted()
    assert result.outcome is Outcome.ANSWERED, result
    assert "PROXY" not in result.sent
    assert client.proxied is not None
    assert client.proxied.version == version
    assert client.proxied.endpoints == Endpoints(family.loopback, result.source_port, family.loopback, PORT)
    assert (client.peer_port, client.completed) == (result.source_port, True)


def test_the_header_comes_before_the_handshake(prober: Prober) -> None:
    """A client of a TLS server behind a relay sends the header first, in the clear."""
    address = Family.IPV6.loopback
    dial = replace(to(Family.IPV6, "v2"), tls=ClientTls(authority_certificate(), address))
    with prober.serve(replace(SERVE, tls=issue(LOOPBACKS))) as serving:
        assert prober.dial(dial).outcome is Outcome.ANSWERED
        (client,) = serving.accepted()
    assert client.proxied is not None


def test_a_client_that_waits_sends_the_header_once(prober: Prober) -> None:
    """A client that is connected has sent its header, and does not send it again with its request."""
    with prober.serve(SERVE) as serving:
        held = prober.hold_connections(HoldConnections((to(Family.IPV4),), Stage.CONNECTED))
        (before,) = serving.accepted()
        (result,) = held.speak(5.0)
        (after,) = serving.accepted()
    assert before.proxied is not None
    assert after.proxied == before.proxied
    assert result.outcome is Outcome.ANSWERED, result


def test_what_is_sent_in_place_of_the_header(prober: Prober) -> None:
    """Any bytes can be sent in place of the header; the server serves what follows, and says what is wrong."""
    with prober.serve(SERVE) as serving:
        result = prober.dial(replace(to(Family.IPV6), preface="PROXY TCP6 [::1] ::1 1 2\r\n"))
        (client,) = serving.accepted()
    assert result.outcome is Outcome.ANSWERED, result
    assert client.proxied is not None
    assert "the address '[::1]' has brackets" in client.proxied.fault


def test_a_client_without_a_header_is_seen(prober: Prober) -> None:
    """A server that expects a header says that a connection begins with something else."""
    with prober.serve(SERVE) as serving:
        prober.dial(replace(to(Family.IPV4), proxy=""))
        (client,) = serving.accepted()
    assert client.proxied is not None
    assert "no PROXY header does" in client.proxied.fault
