"""A relay passes on how a connection ends: one direction alone, or by a reset."""

from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import RelayWorld
from dualstack.world.relayed_streams import (
    BEFORE,
    CLIENT_ENDS,
    CLIENT_RESETS,
    SERVER_ENDS,
    SERVER_RESETS,
    half_closed,
    judge_each,
    resets,
)


@Requirement(
    id="FORWARD-003",
    title="Passes on the end of one direction and all bytes before it",
    level=Level.MUST,
    role=Role.RELAY,
    statement="When one side ends its sending direction, the relay passes on all bytes that were sent before and then "
    "the end, while the other direction stays open; in every combination of families.",
    stimulus="For each pair of families: the client sends 150 kB and FIN, and the server answers with 1 MiB and FIN "
    "only when it has seen the end. Then the same with the server first. Through a SOCKS 5 or CONNECT proxy all this "
    "happens inside the tunnel. A pair whose ordinary exchange fails is left to the requirements on reachability.",
    wire="On both legs FIN follows the bytes in each direction, and no segment carries RST.",
    cites=("RFC 9293 §3.6, §3.6.1", "RFC 1122 §4.2.2.13"),
    topologies=("relay",),
    causes=("RC-HALFCLOSE", "RC-LASTBYTES"),
    needs=(Need.STREAM, Need.HALF_CLOSE, Need.NETWORK),
).attach
def test_half_close_is_passed_on(world: RelayWorld) -> None:
    """After the end of one direction a MiB still passes in the other one."""
    judge_each(world, (CLIENT_ENDS, SERVER_ENDS), half_closed)
    world.shows_resets(expected=False, least=BEFORE)


@Requirement(
    id="FORWARD-008",
    title="Passes on a reset",
    level=Level.MUST,
    role=Role.RELAY,
    statement="When one side resets its connection, the connection to the other side also ends. It should end with a "
    "reset: an ordinary end would say that the bytes before it are complete.",
    stimulus="For each pair of families, after an exchange: the client resets its connection, then, on another one, "
    "the server does. The other side waits for the end.",
    wire="On both legs a segment carries RST.",
    cites=("RFC 9293 §3.5.2, §3.9.1.6", "RFC 1122 §4.2.2.13"),
    topologies=("relay",),
    causes=("RC-NORESET",),
    needs=(Need.STREAM, Need.NETWORK),
).attach
def test_a_reset_is_passed_on(world: RelayWorld) -> None:
    """When one side resets, the other one is reset."""
    judge_each(world, (CLIENT_RESETS, SERVER_RESETS), resets)
    world.shows_resets(expected=True)
