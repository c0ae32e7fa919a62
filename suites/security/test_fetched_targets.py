"""A service refuses to fetch a forbidden target in every form of its address."""

from dualstack.errors import Inconclusive
from dualstack.finding import Finding
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.fetching import Fetching


@Requirement(
    id="SEC-006",
    title="Destination filters recognize every form of an address",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service that fetches, or connects to, what its clients name, and refuses loopback targets, refuses "
    "them in every form, and tells the client: IPv4-mapped, unspecified, as one number, in hexadecimal, by a name "
    "with such an address, by a name that has another address when it is looked up again, and by a redirect from an "
    "allowed server. The same holds for everything else that its manifest says it refuses.",
    stimulus="Request allowed targets of each family, by address and by name; then each form of a refused target, "
    "and, if the service follows redirects (301, 302, 303, 307, 308), a redirect to each; then the allowed targets "
    "again. A canary server on the service's own host accepts every connection, and is shown to work before and after.",
    wire="The connections to allowed targets are on the link. Connections to the service's own host do not cross it: "
    "the canary server is the evidence that none was made.",
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
    """No form of an address makes the service connect to its own host, and allowed targets are still fetched."""
    fetch = world.listener.fetch
    assert fetch is not None  # Need.FETCH
    with Fetching(world, fetch) as fetching:
        lost = fetching.controls()
        for form in fetching.targets:
            fetching.refuses(form)
        if not lost and (followed := fetching.followed_redirects()):
            fetching.refuses_redirects(followed)
        world.survives("requests for refused targets")
        if not lost:
            gone = fetching.controls()
            happened = f"it does not fetch {' and '.join(gone)} any more" if gone else "it does"
            world.require(Finding(not gone, "it still fetches the allowed targets", happened))
        fetching.ends_quietly()
    if any(not finding.ok for finding in world.findings):
        return
    if lost:
        raise Inconclusive(
            f"it does not fetch {' and '.join(lost)}, although that is allowed: the control failed, and its refusals "
            "prove nothing. The lab's addresses are for documentation (RFC 5737, RFC 3849): configure the service so "
            "that it allows them"
        )
    if fetching.unshown:
        raise Inconclusive("; ".join(fetching.unshown))
    fetching.shows_fetched()
