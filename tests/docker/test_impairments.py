"""Connections to a host of a docker lab are impaired as in the namespace lab; afterwards its lab is not used again."""

from collections.abc import Callable

import pytest

from dualstack.families import BOTH, Family
from dualstack.lab.docker.backend import DockerLab
from dualstack.lab.impairments import Impairment, Kind
from dualstack.prober.messages import Dial, Dialled, Outcome, Serve
from dualstack.topology import Topology
from dualstack.transport import AppProtocol
from dualstack.world.impaired import impaired, is_impaired

MakeLab = Callable[[Topology | str], DockerLab]

PORT = 7600


@pytest.mark.parametrize("family", BOTH, ids=lambda family: family.value)
def test_connections_are_impaired_while_the_block_lasts(make_lab: MakeLab, family: Family) -> None:
    """Each kind has its effect on one address alone, and none after its block."""
    lab = make_lab("dual-stack")
    client, server = lab.hosts["service"], lab.hosts["peer"]
    own, other = server.plan.address(family), server.plan.address(family.other)

    def dial(address: str, timeout: float = 5.0) -> Dialled:
        request = Dial(Family.of(address), address, PORT, protocol=AppProtocol.ECHO, timeout=timeout)
        return client.prober.dial(request)

    with server.prober.serve(Serve((own, other), PORT)):
        for kind in Kind:
            one = Impairment(kind, own, PORT, seconds=0.1, count=1, code=1)
            with impaired(client, server, [one]) as handle:
                assert is_impaired(one, dial(own, 0.5))
                assert handle.hits() == [0 if kind is Kind.NO_ROUTE else 1]
                assert dial(other).outcome is Outcome.ANSWERED
            assert dial(own).outcome is Outcome.ANSWERED
    assert lab.members["peer"].recycle() == "its addresses or settings were changed"
