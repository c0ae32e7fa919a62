"""What the tables of a manifest have in common: the base class, types of values, checks that several tables need."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from dualstack.casekey import REQUIREMENT_ID
from dualstack.manifest.faults import Fault
from dualstack.manifest.texts import Place

Check = Callable[[Any], Iterator[Fault]]
"""A rule of one table: it yields a fault for each key that breaks it. The keys of faults are relative to the table."""


class Table(BaseModel):
    """A table of a manifest: unknown keys are errors, values never change.

    Attributes:
        CHECKS: The rules between its keys; `checks.faults_of` runs all of them.
        TEXTS: Its keys whose texts have placeholders, and which placeholders these are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    CHECKS: ClassVar[tuple[Check, ...]] = ()
    TEXTS: ClassVar[Mapping[str, Place]] = {}


def distinct(key: str, what: str) -> Check:
    """Return the check that the list at ``key`` has no item twice; ``what`` is the word for an item."""

    def check(table: Table) -> Iterator[Fault]:
        """Refuse a list with an item that is there twice."""
        items = getattr(table, key)
        if len(set(items)) != len(items):
            yield Fault((key,), f"{what} is listed twice")

    return check


def files_stay_in_scratch(table: Any) -> Iterator[Fault]:
    """Refuse ``files`` outside of the scratch folder, and permissions of other files."""
    for path in table.files:
        if Path(path).is_absolute() or ".." in Path(path).parts or not Path(path).parts:
            yield Fault(("files", path), f"{path!r} is not a file inside the scratch folder")
    for path in table.file_modes:
        if path not in table.files:
            yield Fault(("file_modes", path), f'"files" has no {path!r}; write the name as it is there')


def _in_latin1(text: str) -> str:
    """Refuse a text with characters that are not in Latin-1."""
    if not all(ord(char) <= 0xFF for char in text):  # noqa: PLR2004 - the last character of Latin-1
        raise ValueError("each character stands for one byte: only U+0000 to U+00FF are allowed")
    return text


def _without_nul(text: str) -> str:
    """Refuse a text that cannot be an argument or a variable of a program."""
    if "\0" in text:
        raise ValueError("it contains a NUL character, which cannot be passed to a program")
    return text


def _as_list(data: object) -> object:
    """Return a single text as a list of one."""
    return [data] if isinstance(data, str) else data


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=60)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Bytes = Annotated[str, AfterValidator(_in_latin1)]
Word = Annotated[str, AfterValidator(_without_nul)]
Command = Annotated[list[Word], Field(min_length=1)]
Environment = dict[Annotated[str, StringConstraints(pattern=r"^[^=\x00]+$")], Word]
FileModes = Annotated[
    dict[str, Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]],
    Field(
        description='The permissions of some of these files, octal, by name: with "0600" its owner alone can read it, '
        'the user as which the program starts (with --lab docker: root). Default: "0644".'
    ),
]
Texts = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
RequirementId = Annotated[str, StringConstraints(pattern=f"^{REQUIREMENT_ID}$")]
RequirementIds = Annotated[
    list[RequirementId], BeforeValidator(_as_list, json_schema_input_type=RequirementId | list[RequirementId])
]
