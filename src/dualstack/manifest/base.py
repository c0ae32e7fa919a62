"""What the tables of a manifest are made of, wherever they stand."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


def _in_latin1(text: str) -> str:
    """Refuse a text that is not made of bytes."""
    if not all(ord(char) <= 0xFF for char in text):  # noqa: PLR2004 - the last character of Latin-1
        raise ValueError("each character stands for one byte: only U+0000 to U+00FF are allowed")
    return text


Bytes = Annotated[str, AfterValidator(_in_latin1)]


class Table(BaseModel):
    """A table of a manifest: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
