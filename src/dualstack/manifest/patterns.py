"""The types of regular expressions, HTTP statuses and gRPC methods in a manifest."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _valid_regex(text: str) -> str:
    """Refuse a text that is not a regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _proves_something(text: str) -> str:
    """Refuse a regular expression that matches the empty text, and therefore any text."""
    if re.search(text, ""):
        raise ValueError(f"{text!r} matches the empty text, and therefore any text: it proves nothing")
    return text


Pattern = Annotated[str, AfterValidator(_valid_regex)]
Regex = Annotated[str, AfterValidator(_valid_regex), AfterValidator(_proves_something)]
"""A regular expression that does not match the empty text."""

StatusClass = Annotated[str, StringConstraints(pattern=r"^[2-5]xx$")]
Status = Annotated[int, Field(ge=200, le=599, strict=True)] | StatusClass
"""An HTTP status or a class of statuses: ``200``, ``"3xx"``."""

Method = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$")]
"""A method of gRPC: ``/package.Service/Method``."""
