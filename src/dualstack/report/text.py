"""Text from services, made safe to show: their output may hold anything."""

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_END = re.compile(r"\r+\n")
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_DELETE = 0x7F
_FIRST_SURROGATE = 0xD800


def _picture(match: re.Match[str]) -> str:
    """Return what stands for a character that must not reach a terminal, XML or HTML."""
    code = ord(match[0])
    if code < ord(" "):
        return chr(0x2400 + code)
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return "\N{REPLACEMENT CHARACTER}" if code >= _FIRST_SURROGATE else f"[U+{code:04X}]"


def visible(text: str) -> str:
    """Return ``text`` with nothing in it that acts instead of being seen.

    Terminal escape sequences go, control characters become their pictures (U+2400 …), characters that reorder text
    become their code point, and lone surrogates and non-characters U+FFFD. Tabs and line ends stay. The result is
    valid XML text once it is escaped, and encodes as UTF-8.
    """
    return _HARMFUL.sub(_picture, _ANSI.sub("", _LINE_END.sub("\n", text)))


def clip(text: str, size: int) -> str:
    """Return one line of at most ``size`` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= size else line[: size - 1].rstrip() + "…"


def head_and_tail(text: str, size: int) -> str:
    """Return at most about ``size`` characters: the first third and the last two; a line says what is left out."""
    if len(text) <= size:
        return text
    head, tail = text[: size // 3], text[-(size - size // 3) :]
    return f"{head}\n[… {len(text) - size} characters left out here; results.json has them …]\n{tail}"


def count(number: int, noun: str) -> str:
    """Return ``1 case`` or ``2 cases``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def enumerated(items: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``; an item that has a comma itself is quoted."""
    items = [f'"{item}"' if "," in item else item for item in items]
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
