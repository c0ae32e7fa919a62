"""The name of an application protocol in a manifest."""

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from dualstack.extensions import load_protocols
from dualstack.protocols.registry import PROTOCOLS
from dualstack.transport import Transport


def _known(data: object) -> object:
    """Refuse what names no protocol.

    Raises:
        UsageError: A protocol from outside is wrong. Those are loaded for the first name that is not one of ours.
    """
    if not isinstance(data, str) or data not in PROTOCOLS:
        load_protocols()
    if isinstance(data, str) and data in PROTOCOLS:
        return data
    *names, last = map(repr, PROTOCOLS)
    raise PydanticCustomError("enum", "unknown protocol", {"expected": f"{', '.join(names)} or {last}"})


class _Names:
    """The JSON schema of a protocol's name."""

    def __get_pydantic_json_schema__(self, *_: object) -> dict[str, Any]:
        """Return the names that there are when the schema is made."""
        return {"type": "string", "enum": [*PROTOCOLS]}


def runs_over(wrong: Transport) -> str:
    """Return over which transport a protocol runs that does not run over this one, as the end of a sentence."""
    return f"runs over {'TCP' if wrong is Transport.UDP else 'UDP'}"


ProtocolName = Annotated[str, BeforeValidator(_known), _Names()]
