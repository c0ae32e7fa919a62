"""Damage: what becomes of bytes on a full disk, in a broken program, or at the hands of an attacker."""

from typing import Any

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("x" * 70_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
"""Any JSON value, and NaN and infinity, which Python writes all the same."""


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return the bytes after one to three of: cut, a flipped bit, others in their place, a part of them twice."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        end = draw(st.integers(at, min(len(data), at + 64)))
        match draw(st.sampled_from(["cut", "flip", "replace", "double", "remove"])):
            case "cut":
                del data[at:]
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "replace":
                data[at:end] = draw(st.binary(max_size=64))
            case "double":
                data[at:at] = data[at:end]
            case "remove":
                del data[at:end]
    return bytes(data)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return each value inside a JSON value, as what holds it and its key there."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


@st.composite
def misshapen(draw: st.DrawFn, make: Any) -> Any:
    """Return the JSON value that ``make`` returns with one to three of its parts replaced, removed or added."""
    value = make()
    for _ in range(draw(st.integers(1, 3))):
        found = places(value)
        if not found:
            return draw(JSON)
        holder, key = draw(st.sampled_from(found))
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                holder[key] = draw(JSON)
            case "remove":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=6))] = draw(JSON)
            case "add":
                holder.append(draw(JSON))
    return value
