"""Regular expressions in a manifest, and statuses of HTTP."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _valid_regex(text: str) -> str:
    """Refuse a text that is no regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _tells_something(text: str) -> str:
    """Refuse a regular expression that matches a text without a character, and so every text."""
    if re.search(text, ""):
        raise ValueError(f"{text!r} matches the empty text, and so any text at all: it proves nothing")
    return text


Pattern = Annotated[str, AfterValidator(_valid_regex)]
Regex = Annotated[str, AfterValidator(_valid_regex), AfterValidator(_tells_something)]
"""A regular expression that must match something: one that matches the empty text is refused."""

StatusClass = Annotated[str, StringConstraints(pattern=r"^[2-5]xx$")]
Status = Annotated[int, Field(ge=200, le=599, strict=True)] | StatusClass
"""A status of HTTP, or a class of them: ``200``, ``"3xx"``."""
