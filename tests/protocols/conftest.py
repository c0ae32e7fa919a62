"""What the tests of protocols share."""

from collections.abc import Iterator

import pytest

from dualstack import extensions
from dualstack.protocols import outside, registry


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the protocols that a test adds, and the folders and packages that it names."""
    monkeypatch.setattr(outside, "_SOURCES", [])
    monkeypatch.setattr(extensions, "_NAMED", {})
    before = dict(registry.PROTOCOLS)
    for function in (extensions._installed, extensions._load_protocols):
        function.cache_clear()
    yield
    registry.PROTOCOLS.clear()
    registry.PROTOCOLS.update(before)
    for function in (extensions._installed, extensions._load_protocols):
        function.cache_clear()
