"""Placeholders: known ones are filled, unknown ones are reported, other braces are not changed."""

from collections import Counter

import pytest

from dualstack.manifest import Listen
from dualstack.manifest.placeholders import PLACEHOLDERS, names
from dualstack.manifest.texts import Place, fill, stands_in, unknown_placeholders

KNOWN = {"bind", "port", "http.port", "scratch"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("--port={port}", "--port=80"),
        ("{bind}:{port}", "[::]:80"),
        ("{http.port}", "81"),
        ("events { worker_connections 64; }", "events { worker_connections 64; }"),
        ('{"port": {port}}', '{"port": 80}'),
        ("${port} {port}", "${port} 80"),
        ("{other}", "{other}"),
        ("{}", "{}"),
        ("{{port}}", "{80}"),
        ("", ""),
    ],
)
def test_fill(text: str, filled: str) -> None:
    """Known placeholders get their values; braces of configuration files, JSON and shells are not changed."""
    assert fill(text, {"bind": "[::]", "port": "80", "http.port": "81"}) == filled


def test_values_are_not_filled_again() -> None:
    """A value that looks like a placeholder is not replaced again."""
    assert fill("{bind}", {"bind": "{port}", "port": "80"}) == "{port}"


@pytest.mark.parametrize("text", ["{bind}", "x{http.port}y", "{ port }", "${HOME}", '{"a": 1}', "{1}", "{}"])
def test_check_accepts(text: str) -> None:
    """Known placeholders and other braces are accepted."""
    assert [*unknown_placeholders([text], KNOWN)] == []


def test_check_names_the_nearest() -> None:
    """Each unknown placeholder is reported with its text, the allowed ones and the nearest."""
    allowed = "allowed: {bind}, {http.port}, {port}, {scratch}"
    assert [*unknown_placeholders(["{bind}", "--port={prot}", "{zzz}"], KNOWN)] == [
        f"unknown placeholder {{prot}} in '--port={{prot}}'; {allowed}; did you mean '{{port}}'?",
        f"unknown placeholder {{zzz}} in '{{zzz}}'; {allowed}",
    ]


def test_one_meaning_in_each_place() -> None:
    """A kind of text has no two placeholders of the same name."""
    found = Counter((item.name, place) for item in PLACEHOLDERS for place in item.places)
    assert set(found.values()) == {1}


_OF_LISTENERS = "bind port acl trusted certificate key web.bind web.port web.acl web.trusted web.certificate web.key"


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (Place.SERVICE, f"{_OF_LISTENERS} ca scratch directory python"),
        (Place.CONNECTOR, "host port target source listen nameserver ca scratch directory python"),
        (Place.COMPONENT, "port ca scratch directory python"),
        (Place.BIND, "address port"),
        (Place.ACL, "address network"),
        (Place.PROXY, "address"),
        (Place.FETCH, "url target host port"),
        (Place.ONEWAY, "token"),
    ],
    ids=lambda value: value.name if isinstance(value, Place) else "",
)
def test_names(place: Place, known: str) -> None:
    """Each kind of text has its placeholders; those of a service may name a listener."""
    assert names(place, ["web"]) == set(known.split())


def test_names_of_components() -> None:
    """Texts of the service and of components may name the port of a component; no other text may."""
    with_port = {place for place in Place if "store.port" in names(place, ["web"], ["store"])}
    assert with_port == {Place.SERVICE, Place.COMPONENT}
    assert "web.port" not in names(Place.COMPONENT, ["web"], ["store"])


def test_a_value_has_one_source() -> None:
    """The start, a listener, a component, or the code that fills the text; only a listener's value is from a table."""
    for item in PLACEHOLDERS:
        assert item.of_listener or not (item.inner or item.table), item.name
        assert not item.table or item.table in Listen.model_fields, item.name
        assert sum(map(bool, (item.of_start, item.of_listener, item.of_component))) <= 1, item.name


@pytest.mark.parametrize(("text", "found"), [("[{address}]", True), ("address", False), ("${address}", False)])
def test_stands_in(text: str, found: object) -> None:
    """A placeholder stands in a text with its braces; those of ``${shell}`` do not count."""
    assert stands_in("address", text) is found
