"""How sentences show the regular expressions of manifests."""

from dualstack.protocols.judgement import show_pattern


def test_a_pattern_is_shown_as_the_manifest_has_it() -> None:
    r"""Backslashes are not doubled: ``\S`` of a literal string stays ``\S``; a real line end does not end the line."""
    assert show_pattern(r"client=\S+ said hello\n") == r"'client=\S+ said hello\n'"
    assert show_pattern("one\ntwo") == r"'one\ntwo'"
    assert show_pattern("größe") == "'größe'"
