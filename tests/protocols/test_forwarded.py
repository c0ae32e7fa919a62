"""``Forwarded`` and ``X-Forwarded-For``: what is written is read, and what is malformed has a reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dualstack.families import Family
from dualstack.prober.messages import Dial
from dualstack.protocols.forwarded import Chain, Field, read, values_in, written
from dualstack.protocols.registry import client_for
from tests.protocols.pieces import examples

ADDRESSES = st.ip_addresses().map(str)
FIELDS = st.sampled_from(("Forwarded", "X-Forwarded-For"))


@examples
@given(FIELDS, st.lists(ADDRESSES, max_size=4), st.integers(0, 65535))
def test_what_is_written_is_read(field: Field, clients: list[str], port: int) -> None:
    """The addresses of both families come back, in their order, in one field or in several."""
    values = [written(field, client, port) for client in clients]
    assert read(field, values) == Chain(tuple(clients))
    assert read(field, [", ".join(values)]) == Chain(tuple(clients))


@examples
@given(FIELDS, st.lists(st.text(st.characters(max_codepoint=255), max_size=40), max_size=3))
def test_any_text_has_a_result(field: Field, values: list[str]) -> None:
    """No value raises, and every node is an address, or has none."""
    assert all(isinstance(node, str) for node in read(field, values).nodes)


@pytest.mark.parametrize(
    ("value", "nodes"),
    [
        ("for=192.0.2.43", ["192.0.2.43"]),
        ('For="[2001:DB8:cafe::17]:4711"', ["2001:db8:cafe::17"]),
        ('for="[2001:db8::1]"', ["2001:db8::1"]),
        ('for="192.0.2.43:47011"', ["192.0.2.43"]),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", ["192.0.2.60"]),
        ('by="[2001:db8::2]";for="[2001:db8::1]"; proto=https', ["2001:db8::1"]),
        ('for=192.0.2.43, for="[2001:db8::1]"', ["192.0.2.43", "2001:db8::1"]),
        ('for="_gazonk", for=unknown, for=_SEVKISEK', ["", "", ""]),
        ('for="[2001:db8::1]:_port"', ["2001:db8::1"]),
        (r'host="a\"b,c";for="192.0.2.1"', ["192.0.2.1"]),
        ("proto=http", []),
        ("", []),
    ],
)
def test_forms_of_forwarded(value: str, nodes: list[str]) -> None:
    """The forms of RFC 7239 §4 and §6 are read."""
    assert read("Forwarded", [value]) == Chain(tuple(nodes))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("for=[2001:db8::1]", "is not quoted"),
        ("for=2001:db8::1", "is not quoted"),
        ("for=192.0.2.1:80", "is not quoted"),
        ('for="2001:db8::1"', "has no brackets"),
        ('for="[192.0.2.1]"', "only IPv6 addresses have brackets"),
        ('for="[2001:db8::g]"', "is no address"),
        ('for="[fe80::1%eth0]"', "has a zone"),
        ('for="[2001:db8::1', "is no parameter"),
        ('for="[2001"', "cut at its first colon"),
        ("for=[2001", "cut at its first colon"),
        ("192.0.2.1", "is no parameter"),
        ('for="a b"', "is no address"),
        ('for="[2001:db8::1]:x"', "no node"),
    ],
)
def test_faults_of_forwarded(value: str, reason: str) -> None:
    """What breaks the grammar has its reason; the nodes before it are kept."""
    chain = read("Forwarded", [f"for=192.0.2.9, {value}"])
    assert chain.nodes == ("192.0.2.9",)
    assert reason in chain.fault


@pytest.mark.parametrize(
    ("value", "nodes", "reason"),
    [
        ("192.0.2.1", ["192.0.2.1"], ""),
        ("2001:DB8::1", ["2001:db8::1"], ""),
        ("unknown, 2001:db8::1 ,192.0.2.1", ["", "2001:db8::1", "192.0.2.1"], ""),
        ("[2001:db8::1]", [], "has brackets"),
        ("[2001", [], "'[2001': an address was cut at its first colon, and one of its brackets is left"),
        ("[2001:db8", [], "cut at a colon"),
        ("1]", [], "cut at a colon"),
        ("[2001:db8::1]:80", [], "has brackets"),
        ("192.0.2.1:80", [], "has a port"),
        ("fe80::1%eth0", [], "has a zone"),
        ("example.com", [], "is no address"),
    ],
)
def test_forms_of_x_forwarded_for(value: str, nodes: list[str], reason: str) -> None:
    """The field has addresses alone, without brackets and ports."""
    chain = read("X-Forwarded-For", [value])
    assert chain.nodes == tuple(nodes)
    assert reason in chain.fault
    assert bool(reason) == bool(chain.fault)


def test_values_of_a_head() -> None:
    """Each field of that name is found, in any case; the request line and other fields are not."""
    head = "GET /x-forwarded-for:1 HTTP/1.1\r\nHost: x\r\nX-FORWARDED-FOR: a\r\nForwarded: b\r\nx-forwarded-for:c "
    assert values_in(head, "X-Forwarded-For") == ["a", "c"]
    assert values_in(head, "Forwarded") == ["b"]
    assert values_in("", "Forwarded") == []


def test_a_request_has_the_field() -> None:
    """A client's request over HTTP has the further fields that it is given."""
    dial = Dial(Family.IPV6, "2001:db8::1", 80, protocol="http", fields=(("Forwarded", "for=192.0.2.1"),))
    head = client_for(dial).start().decode()
    assert values_in(head, "Forwarded") == ["for=192.0.2.1"]
