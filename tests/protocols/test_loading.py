"""A protocol's library is loaded when the protocol is used, and by no other protocol."""

import pytest

from benchmarks.protocols import LIBRARIES, names, unused


def test_the_benchmark_has_every_protocol_with_a_library() -> None:
    """The check below is about all protocols that have one."""
    assert set(LIBRARIES) <= set(names())


@pytest.mark.parametrize("name", ["echo", "http", "http2", "websocket"])
def test_no_protocol_loads_the_library_of_another(name: str) -> None:
    """A client of one protocol does not load what only others need."""
    assert unused(name) == set()


def test_a_library_that_is_loaded_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If HTTP/2 did not need its library, loading it would be noticed."""
    monkeypatch.delitem(LIBRARIES, "http2")
    assert "h2" in unused("http2")
