"""The name servers of a case: two addresses in resolv.conf, of which one may be dead."""

from collections.abc import Callable

from dualstack.families import BOTH
from dualstack.lab.netns import NetnsLab
from dualstack.prober.messages import Names
from dualstack.prober.messages.naming import Resolve, WriteResolvers
from dualstack.prober.names import ZONE, query_name
from dualstack.topology import Topology

MakeLab = Callable[[Topology | str], NetnsLab]


def test_a_dead_name_server_is_passed_over(make_lab: MakeLab) -> None:
    """Of an IPv4 name server that never answers and an IPv6 one that does, the second one's answer is found."""
    lab = make_lab("dual-stack")
    host, peer = lab.hosts["service"], lab.hosts["peer"]
    dead, live = (peer.plan.configured[family][0] for family in BOTH)
    a, aaaa = ((peer.plan.address(family),) for family in BOTH)
    host.prober.call(WriteResolvers(f"nameserver {dead}\nnameserver {live}\noptions timeout:1\n"))
    name = query_name(a="ok", aaaa="ok")
    with (
        peer.prober.names(Names((dead,), silent=(ZONE,))) as silent,
        peer.prober.names(Names((live,), a=a, aaaa=aaaa)) as answering,
    ):
        found = host.prober.call(Resolve(name))
        asked = [{query.family for query in server.queries()} for server in (silent, answering)]
    assert set(found.addresses) == {*a, *aaaa}
    assert found.seconds >= 1
    assert asked == [{"ipv4"}, {"ipv6"}]
