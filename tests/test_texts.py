"""Texts with placeholders: how they give a program the address of its target."""

import pytest

from dualstack.manifest.texts import gives_apart


@pytest.mark.parametrize(
    ("texts", "apart"),
    [
        (["run", "{host}", "{port}"], True),
        (["run", "--host={host}", "--port={port}"], True),
        (["run", "host = {host}\nport = {port}\n"], True),
        (["run", "{target}"], False),
        (["run", "{target}", "{host}"], False),
        (["run", "http://{host}:{port}/"], False),
        (["run", "http://[{host}]:{port}/"], False),
        (["run", "{port}"], False),
        ([], False),
    ],
)
def test_host_and_port_apart_or_together(texts: list[str], apart: bool) -> None:  # noqa: FBT001 - a row of the table
    """A program that is given the host alone has nothing to split; a text with host and port it must split itself."""
    assert gives_apart(texts, ["target"], ["host"], ["port"]) is apart
