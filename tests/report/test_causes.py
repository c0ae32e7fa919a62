"""The root causes: complete, self-contained, and strict about their codes."""

import re

import pytest

from dualstack.causes import LANGUAGES, Cause, cause, load_causes
from dualstack.errors import HarnessError


def test_every_cause_has_a_remedy_for_every_language() -> None:
    """Each cause says what goes wrong in words, and what to do in each of the six languages."""
    assert len(load_causes()) >= 66
    for item in load_causes().values():
        assert tuple(item.remedy) == LANGUAGES
        for text in (item.explanation, item.fix, *item.remedy.values()):
            assert re.fullmatch(r"[\"A-Za-z0-9].*[.]", text), (item.code, text)
        assert len(item.explanation.split()) >= 15, item.code


@pytest.mark.parametrize(
    "code", ["RC-V4SOCK", "RC-V6ONLY", "RC-DOUBLEBIND", "RC-ONEADDRESS", "RC-TWOPORTS", "RC-NOINET6"]
)
def test_remedies_of_sockets_are_for_datagrams_too(code: str) -> None:
    """What a cause of TCP and UDP listeners says about Node and Java is not about streams alone."""
    remedy = cause(code).remedy
    assert "dgram" in remedy["Node"]
    assert "Datagram" in remedy["Java"] or "new ServerSocket" not in remedy["Java"]


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
