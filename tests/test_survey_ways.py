"""The ways in which a survey tells a service where to listen, and what each of them asks for."""

from dualstack.content import ROOT
from dualstack.families import BOTH, Family
from dualstack.manifest import subjects_of
from dualstack.survey import ways

ECHO = ROOT / "fixtures" / "services" / "reference" / "echo.toml"


def test_every_spelling_is_a_way() -> None:
    """Each spelling of wildcards, pairs of wildcards and addresses is tried once, and asks for what it says."""
    (subject,) = subjects_of(ECHO)
    asked = {way.label: way.asked for way in ways(subject)}
    ipv4, ipv6 = frozenset({Family.IPV4}), frozenset({Family.IPV6})
    assert asked == {
        "'::'": frozenset(BOTH),
        "'[::]'": frozenset(BOTH),
        "'0.0.0.0,::'": frozenset(BOTH),
        "'[::],0.0.0.0'": frozenset(BOTH),
        "'0.0.0.0'": ipv4,
        "'{IPv4 address}'": ipv4,
        "':: ipv6only'": ipv6,
        "'{IPv6 address}'": ipv6,
        "'[{IPv6 address}]'": ipv6,
    }
