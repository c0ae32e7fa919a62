"""Placeholders: known ones are filled, typos are refused, other braces stay."""

import pytest

from dualstack.manifest.placeholders import did_you_mean, fill, unknown_placeholders

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
    """Known placeholders get their values; braces of configuration files, JSON and shells stay as they are."""
    assert fill(text, {"bind": "[::]", "port": "80", "http.port": "81"}) == filled


def test_values_are_not_filled_again() -> None:
    """A value that looks like a placeholder is not replaced in turn."""
    assert fill("{bind}", {"bind": "{port}", "port": "80"}) == "{port}"


@pytest.mark.parametrize("text", ["{bind}", "x{http.port}y", "{ port }", "${HOME}", '{"a": 1}', "{1}", "{}"])
def test_check_accepts(text: str) -> None:
    """Known placeholders and other braces are accepted."""
    assert [*unknown_placeholders([text], KNOWN)] == []


def test_check_names_the_nearest() -> None:
    """Each placeholder that does not exist is named with its text, what is allowed, and the nearest."""
    allowed = "allowed: {bind}, {http.port}, {port}, {scratch}"
    assert [*unknown_placeholders(["{bind}", "--port={prot}", "{zzz}"], KNOWN)] == [
        f"unknown placeholder {{prot}} in '--port={{prot}}'; {allowed}; did you mean '{{port}}'?",
        f"unknown placeholder {{zzz}} in '{{zzz}}'; {allowed}",
    ]


@pytest.mark.parametrize(
    ("found", "hint"), [("prot", "; did you mean 'port'?"), ("zzz", ""), ("port", "; did you mean 'port'?")]
)
def test_did_you_mean(found: str, hint: str) -> None:
    """The nearest of what is allowed is named, or nothing."""
    assert did_you_mean(found, ["bind", "port"]) == hint
