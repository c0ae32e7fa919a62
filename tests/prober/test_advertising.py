"""Router advertisements: the message is correct, and it needs a link."""

import pytest
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo

from dualstack.errors import HarnessError
from dualstack.prober.advertising import message
from dualstack.prober.client import Prober
from dualstack.prober.messages import Advertise

PREFIX = "2001:db8:6104:1::"


@pytest.mark.parametrize("lifetimes", [(0, 0), (3600, 1800), (86400, 7)], ids=str)
def test_the_message_is_correct(lifetimes: tuple[int, int]) -> None:
    """Scapy reads the same fields and no others; the router lifetime has 16 bits (RFC 4861 §4.2)."""
    lifetime, preferred = lifetimes
    built = message(Advertise(PREFIX, "eth0", lifetime, preferred))
    read = ICMPv6ND_RA(built)
    option = read[ICMPv6NDOptPrefixInfo]
    assert (read.type, read.code, read.cksum, read.chlim, read.M, read.O) == (134, 0, 0, 0, 0, 0)
    assert (read.routerlifetime, read.reachabletime, read.retranstimer) == (min(lifetime, 65535), 0, 0)
    assert (option.prefix, option.prefixlen, option.L, option.A, option.R) == (PREFIX, 64, 1, 1, 0)
    assert (option.validlifetime, option.preferredlifetime) == (lifetime, preferred)
    assert len(built) == 16 + 32
    assert bytes(read) == built


def test_no_link_is_a_harness_error(prober: Prober) -> None:
    """Without the interface nothing is sent, and the error says so."""
    with pytest.raises(HarnessError, match=rf"cannot advertise {PREFIX}/64 on eth0: no interface"):
        prober.call(Advertise(PREFIX, "eth0", 3600, 1800))
