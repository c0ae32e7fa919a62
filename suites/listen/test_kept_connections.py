"""A second request on a kept connection is answered over both families."""

from collections.abc import Sequence
from dataclasses import replace

from dualstack.families import BOTH, Family
from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Dialled
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.world import ListenerWorld
from dualstack.world.limits import wait_out_limits

REQUESTS = 2
"""How many requests a client sends on one connection."""

NO_ANSWER = 9
"""What counts as the class of a status if there is no answer: worse than any class."""


@Requirement(
    id="LISTEN-018",
    title="A second request on a kept connection is answered over both families",
    level=Level.MUST,
    role=Role.LISTENER,
    statement="A service of HTTP/1.1 or HTTP/2 answers a second request on a connection over IPv6 as it does over "
    "IPv4, with a status of the same class. A service may end each connection after one answer, if it does so over "
    "both families.",
    stimulus="Start the service on a dual-stack host. Over each family send a request without Connection: close, and "
    "after its answer another one on the same connection, unless the service ends it. If the families differ, try both "
    "once more after a pause of 2 s.",
    wire="Each connection attempt has the family that was dialled and is answered from the address that was dialled.",
    cites=("RFC 9112 §9.3", "RFC 9113 §9.1", "RFC 6540 §2"),
    topologies=("dual-stack",),
    causes=("RC-ERRORANSWER", "RC-NOTKEPT"),
    needs=(Need.KEEPS, Need.BOTH, Need.MANY, Need.NETWORK),
).attach
def test_second_request_is_answered_alike(world: ListenerWorld) -> None:
    """The second request on a connection gets an answer over both families, or over neither."""
    world.service.start()
    families = world.served()
    if len(families) < len(BOTH):
        what = f"only {families[0].label} is served, which is left to the requirements on reachability"
        world.require(Finding(True, "a second request on a connection is answered over both families alike", what))
        return
    done = ask_again(world, families)
    worse = worse_off(done)
    if worse is not None:
        wait_out_limits()
        done = ask_again(world, families[::-1])
        worse = worse if worse_off(done) is worse else None
    for family in families:
        world.count(family, served=family is not worse)
    world.require(alike(done, worse))
    for family in families:
        world.shows_served(family)


def ask_again(world: ListenerWorld, families: Sequence[Family]) -> dict[Family, Dialled]:
    """Send requests on one connection over each family; return how the last request of each ended."""
    return {
        family: world.client.carry_out(replace(world.client.exchange(family), kept=REQUESTS)) for family in families
    }


def grade(dialled: Dialled) -> int:
    """Return the class of the second answer's status; `NO_ANSWER` without a second answer."""
    return dialled.status // 100 if dialled.answers == REQUESTS else NO_ANSWER


def worse_off(done: dict[Family, Dialled]) -> Family | None:
    """Return the family whose second request has the worse end; None if both have the same."""
    grades = {family: grade(dialled) for family, dialled in done.items()}
    if len(set(grades.values())) == 1:
        return None
    return max(grades, key=lambda family: grades[family])


def alike(done: dict[Family, Dialled], worse: Family | None) -> Finding:
    """Return the finding that both families are answered alike; ``worse`` is the family that is not."""
    happened = "; ".join(f"over {family.label} {done[family].detail}" for family in BOTH)
    symptoms: tuple[Symptom, ...] = ()
    if worse is not None:
        happened += f"; the {worse.label} client is worse off"
        symptoms = (Symptom.NOT_KEPT,) if 0 < done[worse].answers < REQUESTS else ()
    expected = "a second request on a connection is answered over both families alike"
    return Finding(worse is None, expected, happened, symptoms=symptoms)
