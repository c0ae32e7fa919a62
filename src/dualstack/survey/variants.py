"""The variants of a service that a survey starts: each configuration, and each listen address."""

from collections.abc import Iterator
from dataclasses import dataclass

from dualstack.families import BOTH, Family
from dualstack.manifest import Bind, Listen, Scope, Subject


@dataclass(frozen=True, slots=True)
class Variant:
    """A listener with one configuration, or with one listen address.

    Attributes:
        subject: The service's manifest, with one of its configurations.
        listener: The listener.
        label: The configuration's name, or the listen address.
        bind: The value of ``{bind}``, in which ``{address}`` is not replaced yet; None for the manifest's default.
        asked: The families on which it should listen.
    """

    subject: Subject
    listener: Listen
    label: str
    bind: str | None
    asked: frozenset[Family]


def variants(subject: Subject) -> Iterator[Variant]:
    """Yield each variant of the subject's listeners: one for each listen address, or one if there is no choice."""
    for listener in subject.listen:
        choices = [] if subject.configuration or listener.bind is None else _choices(listener.bind, listener.scope)
        for text, asked in choices:
            place = "".join(f"{{{family.label} address}}" for family in asked)
            label = repr(text.replace("{address}", place))
            yield Variant(subject, listener, label, text, asked)
        if not choices:
            yield Variant(subject, listener, subject.configuration or "default", None, frozenset(listener.families))


def _choices(bind: Bind, scope: Scope) -> list[tuple[str, frozenset[Family]]]:
    """Return each listen address for a listener of this scope, with the families on which it should listen."""
    both, ipv4, ipv6 = frozenset(BOTH), frozenset({Family.IPV4}), frozenset({Family.IPV6})
    if scope is Scope.LOOPBACK:
        found = [
            *((text, both) for text in bind.localhost),
            *((text, ipv4) for text in bind.ipv4_address),
            *((text, ipv6) for text in bind.ipv6_address),
        ]
    else:
        found = [
            *((text, both) for text in (*bind.any, *bind.pair)),
            *((text, ipv4) for text in (*bind.ipv4_any, *bind.ipv4_address)),
            *((text, ipv6) for text in (*bind.ipv6_any, *bind.ipv6_address)),
        ]
    return list(dict.fromkeys(found))
