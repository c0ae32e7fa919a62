"""The PROXY headers of FORWARD-007: each is what its name says. Who counts as served after one."""

import importlib
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest

from dualstack.families import BOTH, Family
from dualstack.prober.messages import Dialled, Outcome
from dualstack.protocols.proxy_header import VERSIONS, HeaderReader, ProxyHeader, Version
from dualstack.world.client import Client
from dualstack.world.proxy_headers import CLIENTS, malformed, shapes

SERVERS = {Family.IPV4: "198.51.100.1", Family.IPV6: "2001:db8:1::1"}

each_version = pytest.mark.parametrize("version", VERSIONS)


def header(data: bytes) -> ProxyHeader | None:
    """Return the header that the bytes are, if nothing follows it."""
    reader = HeaderReader()
    assert reader.add(data) == b""
    return reader.header


@each_version
def test_each_form_is_a_header_with_its_client(version: Version) -> None:
    """Each form is one whole header of its version, and names the client that the service must show."""
    found = list(shapes(version, SERVERS, 443))
    assert len({shape.name for shape in found}) == len(found)
    assert all(shape.name.endswith(f" (version {version[1]})") for shape in found)
    for shape in found:
        read = header(shape.data)
        assert read is not None, shape.name
        assert not read.fault
        assert read.version == version
        assert bool(shape.client) == (read.endpoints is not None)
        if read.endpoints is not None:
            assert ip_address(read.endpoints.source) == ip_address(shape.client)
            assert read.endpoints.destination in SERVERS.values()


@each_version
def test_both_families_are_among_the_forms(version: Version) -> None:
    """A client of each family is named, alone and in one segment with the request."""
    for family in BOTH:
        joined = {shape.joined for shape in shapes(version, SERVERS, 443) if shape.client == CLIENTS[family]}
        assert joined == {False, True}


@each_version
def test_malformed_headers_are_malformed(version: Version) -> None:
    """A correct reader refuses each of them without waiting for more."""
    found = list(malformed(version, SERVERS, 443))
    assert len(dict(found)) == len(found) >= 5
    assert all(name.endswith(f" (version {version[1]})") for name, _ in found)
    for name, data in found:
        reader = HeaderReader()
        reader.add(data)
        assert reader.fault, name


def test_the_longest_forms_are_among_them() -> None:
    """An address of 39 characters, and an UNKNOWN line of 107 bytes, are sent."""
    lines = list(shapes("v1", SERVERS, 443))
    assert max(len(shape.client) for shape in lines) == 39
    assert max(len(shape.data) for shape in lines) == 107


def answer(status: int) -> Dialled:
    """Return an exchange whose answer has this status."""
    return Dialled(Outcome.ANSWERED, "", True, "192.0.2.7", 40000, "an answer", "a request", 0.1, "", status)


@pytest.mark.parametrize(
    ("usual", "status", "served"),
    [
        pytest.param(200, 200, True, id="as usual"),
        pytest.param(200, 404, False, id="an error"),
        pytest.param(404, 404, True, id="the usual error"),
        pytest.param(404, 400, False, id="another error"),
        pytest.param(503, 503, True, id="an error that the manifest lists"),
        pytest.param(0, 0, True, id="a protocol without statuses"),
    ],
)
def test_an_error_is_served_if_ordinary_clients_get_it(usual: int, status: int, served: bool) -> None:  # noqa: FBT001 - a row of the table
    """Whether a client is served, and whether one with a malformed header is refused, is compared with a control."""
    suite = importlib.import_module("dualstack.content.suites.forward.test_proxy_headers")
    unused: Any = SimpleNamespace(listener=None)
    client = Client(unused, unused, unused, unused)
    client.usual[Family.IPV6] = usual
    world, found = SimpleNamespace(client=client), answer(status)
    assert suite.is_served(world, Family.IPV6, found) is served
