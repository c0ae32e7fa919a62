"""The root causes: complete, self-contained, and strict about their codes."""

import re

import pytest

from dualstack.causes import LANGUAGES, Cause, cause, likely, load_causes
from dualstack.errors import HarnessError


def test_every_cause_has_a_remedy_for_every_language() -> None:
    """Each cause says what goes wrong in words, and what to do in each of the six languages."""
    assert len(load_causes()) >= 66
    for item in load_causes().values():
        assert tuple(item.remedy) == LANGUAGES
        for text in (item.explanation, item.fix, *item.remedy.values()):
            assert re.fullmatch(r"[\"A-Za-z0-9].*[.]", text), (item.code, text)
        assert len(item.explanation.split()) >= 15, item.code


def test_causes_need_no_other_document() -> None:
    """No cause refers to notes that its reader does not have."""
    assert len(load_causes()) >= 66
    for item in load_causes().values():
        text = " ".join((item.title, item.explanation, item.fix, *item.remedy.values()))
        assert not re.search(r"\bnote\b|measured|msplib|komodo|tutorial|catalogue|by source", text, re.IGNORECASE)


def test_an_unknown_code_is_refused_with_the_nearest() -> None:
    """A typo in a code is an error that names the code that was meant."""
    assert cause("RC-V6ONLY").code == "RC-V6ONLY"
    with pytest.raises(HarnessError, match="did you mean 'RC-V6ONLY'"):
        cause("RC-V6ONLI")


def test_a_cause_without_all_languages_is_refused() -> None:
    """A cause cannot be made with a language missing or a text empty."""
    whole = dict.fromkeys(LANGUAGES, "Do it.")
    with pytest.raises(HarnessError, match="Rust"):
        Cause("RC-X", "title", "explanation", "fix", {name: whole[name] for name in LANGUAGES[:-1]})
    with pytest.raises(HarnessError, match="fix is empty"):
        Cause("RC-X", "title", "explanation", "", whole)


def test_causes_that_the_evidence_rules_out_are_not_named() -> None:
    """An IPv4-only socket does not explain lost IPv4, nor IPV6_V6ONLY lost IPv6."""
    codes = ("RC-V4SOCK", "RC-V6ONLY", "RC-LIBBUILD")
    assert likely(codes, {"ipv4": True, "ipv6": False}) == ("RC-V4SOCK", "RC-LIBBUILD")
    assert likely(codes, {"ipv4": False, "ipv6": True}) == ("RC-V6ONLY", "RC-LIBBUILD")
    assert likely(codes, {"ipv4": False, "ipv6": False}) == codes
    assert likely(("RC-V6ONLY",), {"ipv6": False}) == ("RC-V6ONLY",)


@pytest.mark.parametrize(
    ("output", "first"),
    [
        ("bind: Cannot assign requested address", "RC-LOOPBACK"),
        ("Error: listen EADDRNOTAVAIL: address not available ::1:8000", "RC-LOOPBACK"),
        ("socket: Address family not supported by protocol", "RC-NOINET6"),
        ("ready", "RC-V4SOCK"),
        ("", "RC-V4SOCK"),
    ],
)
def test_causes_that_the_output_is_a_sign_of_come_first(output: str, first: str) -> None:
    """What the service itself wrote decides which cause is named first; the others keep their order behind it."""
    codes = ("RC-V4SOCK", "RC-LITERAL", "RC-NOINET6", "RC-LOOPBACK")
    assert likely(codes, {}, output) == (first, *(code for code in codes if code != first))
