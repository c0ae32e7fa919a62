"""Clients of both families get the same page."""

from dualstack.testing import BOTH, Finding, Level, ListenerWorld, Need, Requirement, Role

from .pages import body


@Requirement(
    id="SHOP-001",
    title="IPv4 and IPv6 clients get the same page",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="The page for an IPv6 client is the page for an IPv4 client.",
    stimulus="Start the service and request its page once over each family.",
    wire="Each request is answered over the family of its client.",
    cites=("Shop handbook §3",),
    topologies=("dual-stack",),
    causes=("RC-ERRORANSWER",),
    needs=(Need.BOTH, Need.HTTP, Need.NETWORK),
).attach
def test_same_page(world: ListenerWorld) -> None:
    """The bodies of both answers are equal."""
    world.service.start()
    pages = {family: body(world.answers(family, world.addresses(family)[0])) for family in BOTH}
    happened = "; ".join(f"{family.label}: {page!r}" for family, page in pages.items())
    world.require(Finding(len(set(pages.values())) == 1, "clients of both families get the same page", happened))
    for family in BOTH:  # the capture ends here, and with it the service
        world.shows_served(family)
