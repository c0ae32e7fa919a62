"""The variants of a service that a survey starts, and the families that each of them asks for."""

from dualstack.content import ROOT
from dualstack.families import BOTH, Family
from dualstack.manifest import subjects_of
from dualstack.survey import variants

ECHO = ROOT / "fixtures" / "services" / "reference" / "echo.toml"


def test_every_listen_address_is_a_variant() -> None:
    """Each notation of wildcards, pairs of wildcards and addresses is one variant, and asks for its families."""
    (subject,) = subjects_of(ECHO)
    asked = {item.label: item.asked for item in variants(subject)}
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
