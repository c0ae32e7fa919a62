"""A topology's list of proofs is checked before any lab is made."""

import pytest

from dualstack.errors import UsageError
from dualstack.lab.proofs import PROOFS, claims, planned_proofs
from dualstack.topology import HostSpec, Topology, load_topology


def changed(*, without: str = "", also: str = "", name: str = "dual-stack") -> Topology:
    """Return a topology with one proof less or one more."""
    topology = load_topology(name)
    proofs = [entry for entry in topology.proofs if entry != without] + ([also] if also else [])
    return topology.model_copy(update={"proofs": proofs})


def test_an_unprefixed_proof_is_for_every_host() -> None:
    """A plain entry is planned for each host, one with a host for that host only."""
    planned = planned_proofs(load_topology("ipv6-only-strict"))
    assert "ipv6-path" in planned["service"]
    assert "ipv6-path" in planned["peer"]
    assert "no-ipv4-loopback" in planned["service"]
    assert "no-ipv4-loopback" not in planned["peer"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("ipv6-pth", "unknown proof 'ipv6-pth'; did you mean 'ipv6-path'?"),
        ("servce: ipv6-path", "unknown host 'servce'; did you mean 'service'?"),
        ("zzz", "unknown proof 'zzz' (there are: addresses, "),
    ],
)
def test_an_unknown_name_is_an_error_with_a_suggestion(entry: str, message: str) -> None:
    """An unknown proof or host names the topology, what was found, what there is, and the nearest."""
    with pytest.raises(UsageError) as caught:
        planned_proofs(changed(also=entry))
    assert f"topology dual-stack: proofs: {entry!r}: {message}" in str(caught.value)


@pytest.mark.parametrize("proof", load_topology("ipv4-only-no-af-inet6").proofs)
def test_a_claim_without_its_proof_is_an_error(proof: str) -> None:
    """Leaving any proof out of a shipped list is an error that names it."""
    with pytest.raises(UsageError, match=f"nothing proves {proof.rpartition(': ')[2]} of host"):
        planned_proofs(changed(without=proof, name="ipv4-only-no-af-inet6"))


def test_a_proof_of_something_else_is_an_error() -> None:
    """A proof that contradicts what the topology says of a host is an error."""
    with pytest.raises(UsageError, match="host 'service' does not claim no-ipv6-address"):
        planned_proofs(changed(also="service: no-ipv6-address"))


def test_disabled_ipv6_has_no_addresses() -> None:
    """A host cannot have IPv6 addresses and disable_ipv6."""
    topology = load_topology("dual-stack")
    host = {**topology.host, "service": HostSpec(disable_ipv6=True)}
    with pytest.raises(UsageError, match="disable_ipv6 leaves no IPv6 address"):
        planned_proofs(topology.model_copy(update={"host": host}))


@pytest.mark.parametrize("field", sorted(HostSpec.model_fields))
def test_every_field_of_a_host_is_claimed(field: str) -> None:
    """Whatever field of a host is changed, other proofs are demanded: nothing can be said that nothing proves."""
    ordinary = HostSpec()
    value = getattr(ordinary, field)
    changed_to = {"behind": "router", "mtu": 1280}.get(field, not value if isinstance(value, bool) else 0)
    other = HostSpec(**{field: changed_to})
    assert claims(other) != claims(ordinary)
    assert claims(other) <= set(PROOFS)
