"""What a service refuses to fetch it refuses in every spelling."""

from dualstack.errors import Inconclusive
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.fetching import Fetching


@Requirement(
    id="SEC-006",
    title="Destination filters see through spellings",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that fetches, or connects to, what its clients name, and refuses loopback targets, refuses "
    "them in every spelling, and tells the client: IPv4-mapped, unspecified, as one number, in hexadecimal, by a name "
    "with such an address, by one that has another address when it is looked up again, and by a redirect of an "
    "allowed server. So it does with whatever else its manifest says that it refuses.",
    stimulus="Have allowed targets fetched, of each family and by address and name; then each spelling of a refused "
    "one, and, of a service that follows redirects (301, 302, 303, 307, 308), a redirect to each; then the allowed "
    "ones again. A canary on the service's own host accepts whatever the spellings lead to, and "
    "shows before and after that it hears.",
    wire="The connections to allowed targets are on the link. Those to the service's own host would cross none: that "
    "there was none is the canary's word.",
    cites=(
        "RFC 6890 §2.2.2, §2.2.3",
        "RFC 4291 §2.5.2, §2.5.3, §2.5.5.2",
        "RFC 6052 §3.1",
        "inet_aton(3)",
        "RFC 9110 §15.4",
    ),
    topologies=("dual-stack",),
    causes=("RC-SSRF", "RC-REDIRECT", "RC-ACLTEXT", "RC-MAPPED"),
    needs=(Need.FETCH, Need.MANY),
).attach
def test_refused_targets_are_not_fetched(world: ListenerWorld) -> None:
    """No spelling makes the service connect to its own host, and it fetches what is allowed, before and after."""
    fetch = world.listener.fetch
    assert fetch is not None  # Need.FETCH
    with Fetching(world, fetch) as fetching:
        lost = fetching.controls()
        for spelling in fetching.targets:
            fetching.refuses(spelling)
        if not lost and (followed := fetching.followed_redirects()):
            fetching.refuses_redirects(followed)
        world.survives("being asked for what it refuses")
        if not lost:
            gone = fetching.controls()
            happened = f"it does not fetch {' and '.join(gone)} any more" if gone else "it does"
            world.require(Finding(not gone, "it still fetches what it fetched at first", happened))
        fetching.ends_quietly()
    if any(not finding.ok for finding in world.findings):
        return
    if lost:
        raise Inconclusive(
            f"it does not fetch {' and '.join(lost)}, which it may, so that it refuses others shows nothing. The lab's "
            "addresses are for documentation (RFC 5737, RFC 3849): configure the service so that it allows them"
        )
    if fetching.unshown:
        raise Inconclusive("; ".join(fetching.unshown))
    fetching.shows_fetched()
