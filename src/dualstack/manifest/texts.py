"""Texts with placeholders such as ``{port}``: where they stand in a manifest, and how they are filled."""

import enum
import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from dualstack.suggestion import did_you_mean

_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z][A-Za-z0-9._+-]*)\}")


@enum.unique
class Place(enum.Enum):
    """The kinds of texts that have placeholders; the value is what the documentation calls them."""

    SERVICE = "service"
    COMPONENT = "components"
    CONNECTOR = "connectors"
    BIND = "`[listen.bind]`"
    ACL = "`[listen.acl]`"
    FETCH = "`[listen.fetch]`"
    PROXY = "`[listen.proxy]`"
    WEBSOCKET = "`[listen.websocket]`"
    FIELD = "`[[listen.field]]`"
    ONEWAY = "`send`, `received_log`"
    EXCHANGE = '`send`, `large_send`, `bulk_send` with protocol = "exchange"'


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder that has a value; other braces (of nginx, JSON, ``${shell}``) stay as they are."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def filled(texts: Iterable[str], values: Mapping[str, str]) -> list[str]:
    """Fill the placeholders of each text."""
    return [fill(text, values) for text in texts]


def stands_in(name: str, text: str) -> bool:
    """Return whether the placeholder of that name stands in a text."""
    return name in _PLACEHOLDER.findall(text)


def unknown_placeholders(texts: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Yield a message for each placeholder that does not exist: its name, the known ones, the nearest."""
    for text in texts:
        for name in _PLACEHOLDER.findall(text):
            if name not in known:
                allowed = sorted(f"{{{item}}}" for item in known)
                hint = did_you_mean(f"{{{name}}}", allowed)
                yield f"unknown placeholder {{{name}}} in {text!r}; allowed: {', '.join(allowed)}{hint}"


def gives_apart(texts: Iterable[str], both: Iterable[str], hosts: Iterable[str], ports: Iterable[str]) -> bool:
    """Return whether texts have a host and never beside its port.

    Args:
        texts: The texts.
        both: The placeholders that stand for host and port.
        hosts: Those that stand for the host.
        ports: Those that stand for the port.
    """
    joined = "\n".join(texts)
    found = _PLACEHOLDER.findall(joined)
    beside = re.search(
        rf"\{{(?:{'|'.join(map(re.escape, hosts))})\}}\]?:\{{(?:{'|'.join(map(re.escape, ports))})\}}", joined
    )
    return not beside and any(name in found for name in hosts) and not any(name in found for name in both)
