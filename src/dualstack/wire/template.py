"""Templates of frames: only the fields that are set must match."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from dualstack.families import Family
from dualstack.wire.frames import Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The fields that a frame must have. None matches every value; any other value is compared, also 0 and "".

    Attributes:
        outgoing_mac: The source hardware address.
        family: The family of the outer header.
        kind: As in `Frame`.
        src: The source address, canonical text.
        dst: The destination address.
        sport: The source port.
        dport: The destination port.
        noise: The name of the noise; empty for a frame that is no noise.
        flags: TCP flags that must be set.
        without: TCP flags that must not be set.
        payload: Whether it carries payload.
    """

    outgoing_mac: str | None = None
    family: Family | None = None
    kind: str | None = None
    src: str | None = None
    dst: str | None = None
    sport: int | None = None
    dport: int | None = None
    noise: str | None = None
    flags: int | None = None
    without: int | None = None
    payload: bool | None = None

    def matches(self, frame: Frame) -> bool:
        """Return whether ``frame`` matches."""
        return not self.differences(frame)

    def differences(self, frame: Frame) -> Mapping[str, object]:
        """Return the fields of ``frame`` that do not match, with its values."""
        differing: dict[str, object] = {}
        for name in _EQUAL:
            wanted, found = getattr(self, name), getattr(frame, name)
            if wanted is not None and wanted != found:
                differing[name] = found
        if self.flags is not None and frame.flags & self.flags != self.flags:
            differing["flags"] = frame.flags
        if self.without is not None and frame.flags & self.without:
            differing["without"] = frame.flags
        if self.payload is not None and self.payload != bool(frame.size):
            differing["payload"] = frame.size
        return differing

    def among(self, frames: Iterable[Frame]) -> tuple[Frame, ...]:
        """Return the frames that match."""
        return tuple(frame for frame in frames if self.matches(frame))

    def __str__(self) -> str:
        """Return the fields that are set, as ``family=IPv6, dport=53``."""
        said = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(
            f"{name}={value.label if isinstance(value, Family) else value}" for name, value in said if value is not None
        )


_EQUAL = ("outgoing_mac", "family", "kind", "src", "dst", "sport", "dport", "noise")
