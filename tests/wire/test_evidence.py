"""When a capture proves that something was absent."""

import pytest

from dualstack.errors import Inconclusive
from dualstack.families import BOTH, Family
from dualstack.wire import expect
from dualstack.wire.evidence import read_capture
from dualstack.wire.presence import sends
from tests.wire.packets import F4, MAC, MakeCapture, asked, reply, syn, told, unreachable


def test_what_stays_inside_would_have_been_seen(make_capture: MakeCapture) -> None:
    """That nothing crossed the link needs the witnesses of both families."""
    for family in BOTH:
        with pytest.raises(Inconclusive, match=f"no {family.other.label} witness"):
            expect.stays_inside(make_capture(witnessed=(family,)), 8080)


@pytest.mark.parametrize("family", BOTH)
def test_what_a_host_sends(make_capture: MakeCapture, family: Family) -> None:
    """A segment or datagram of the host's counts, in the time in question; packets to it and ICMP do not."""
    segment, datagram = reply(family, "SA"), told(family)
    for sent in (segment, datagram):
        assert sends(make_capture((1, syn(family)), (2, sent)))
        wire = make_capture((2, sent))
        at = wire.frames[-1].time
        assert sends(wire, at - 0.5, at + 0.5)
        assert not sends(wire, at + 0.5)
        assert not sends(wire, 0, at - 0.5)
    assert not sends(make_capture((1, syn(family)), (2, unreachable(family, asked(family)))))
    assert not sends(make_capture(witnessed=(family,)))
    with pytest.raises(Inconclusive, match="witness"):
        sends(make_capture((1, syn(family)), witnessed=()))


def test_another_hosts_witness_is_none(make_capture: MakeCapture) -> None:
    """The witness of another host, flooded over the link, is neither a frame of the flow nor a witness here."""
    other = make_capture((1, syn(F4)))
    assert other.witnessed == frozenset(BOTH)
    wire = make_capture((1, syn(F4)), mac="02:00:5e:10:00:07")
    assert len(wire.frames) == 1
    assert read_capture(wire.path, nonce="feedbeef", mac=MAC).witnessed == frozenset()
    assert read_capture(wire.path, nonce="another", mac="02:00:5e:10:00:07").witnessed == frozenset()


def test_without_an_address_every_hosts_witness_is_one(make_capture: MakeCapture) -> None:
    """Who does not know the hardware address of the host takes the witnesses of the nonce from wherever."""
    wire = make_capture((1, syn(F4)), mac="02:00:5e:10:00:07")
    assert read_capture(wire.path, nonce="feedbeef").witnessed == frozenset(BOTH)


def test_one_witness_is_not_enough(make_capture: MakeCapture) -> None:
    """A capture that saw its witness at the start only may have died on the way."""
    wire = make_capture((1, syn(F4)))
    data = wire.path.read_bytes()
    wire.path.write_bytes(data[: data.rindex(b"dualstack-witness ipv4 stop") - 58])
    again = read_capture(wire.path, nonce="feedbeef", mac=MAC)
    assert (len(again.frames), again.witnessed, again.truncated) == (1, frozenset(), False)
