"""A listen address may be any IPv6 literal, in brackets where a port follows it; a malformed one is refused."""

from dualstack.families import Family
from dualstack.finding import Finding, Symptom
from dualstack.manifest.texts import fill
from dualstack.need import ipv6_forms
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.prerequisites import require_ordinary

MALFORMED = ("[::1", "::1:80x")
"""Texts that are not addresses by RFC 4291 §2.2 and RFC 3986 §3.2.2, however they are split."""


@Requirement(
    id="LISTEN-011",
    title="IPv6 literals are accepted as listen address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The service accepts every IPv6 form of its listen address that its manifest names, serves clients "
    "there, and refuses a malformed address instead of listening somewhere else.",
    stimulus="Start the service once with each form and try an exchange over IPv6; then start it once with each of "
    'two malformed addresses ("[::1", "::1:80x").',
    wire="Each connection attempt is answered from the address that was dialled.",
    cites=("RFC 3986 §3.2.2", "RFC 5952 §6", "RFC 4291 §2.2"),
    topologies=("dual-stack",),
    causes=("RC-SPLIT", "RC-BRACKET"),
    needs=(Need.IPV6, Need.BIND_IPV6),
).attach
def test_ipv6_literals_as_listen_address(world: ListenerWorld) -> None:
    """Each declared form works, and malformed addresses are refused."""
    address = world.addresses(Family.IPV6)[0]
    for form in ipv6_forms(world.listener):
        bind = fill(form, {"address": address})
        readiness = world.service.wait_ready(world.service.launch(bind), [Family.IPV6])
        if readiness.ready:
            world.answers(Family.IPV6, address)
        else:
            world.require(Finding(False, f'the service starts with the listen address "{bind}"', readiness.detail))
    require_ordinary(world, Family.IPV6)
    for text in MALFORMED:
        refuse_malformed(world, text)
    world.shows_served(Family.IPV6)


def refuse_malformed(world: ListenerWorld, text: str) -> None:
    """Require that the service does not start with a malformed listen address, and reports an error."""
    readiness = world.service.wait_ready(world.service.launch(text), [])
    listening = (
        [row for row in world.service.sockets.read() if row.port == world.listener.port] if readiness.ready else []
    )
    said = world.service.log.size > 0 or (readiness.exit is not None and readiness.exit.code != 0)
    where = ", ".join(f"{row.address} port {row.port}" for row in listening)
    happened = f"it listens on {where}" if listening else readiness.detail
    world.require(
        Finding(
            not readiness.ready and said,
            f'the malformed listen address "{text}" is refused with an error',
            happened if said or listening else f"{happened}, without any output",
            symptoms=(Symptom.MALFORMED_ADDRESS,),
        )
    )
