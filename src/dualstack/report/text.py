"""Making text of services safe to show: it may contain any character."""

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_LINE_END = re.compile(r"\r+\n")
_HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_DELETE = 0x7F
_FIRST_SURROGATE = 0xD800


def _picture(match: re.Match[str]) -> str:
    """Return the replacement of a character that must not reach a terminal, XML or HTML."""
    code = ord(match[0])
    if code < ord(" "):
        return chr(0x2400 + code)
    if code == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return "\N{REPLACEMENT CHARACTER}" if code >= _FIRST_SURROGATE else f"[U+{code:04X}]"


def visible(text: str) -> str:
    """Return ``text`` without anything that controls a terminal or changes the order of text.

    Terminal escape sequences are removed, control characters become their pictures (U+2400 …), characters that reorder
    text become their code point, and lone surrogates and non-characters become U+FFFD. Tabs and line ends stay. The
    result can be encoded as UTF-8 and, once escaped, is valid XML text.
    """
    return _HARMFUL.sub(_picture, _ANSI.sub("", _LINE_END.sub("\n", text)))


def clip(text: str, size: int) -> str:
    """Return one line of at most ``size`` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= size else line[: size - 1].rstrip() + "…"


def head_and_tail(text: str, size: int) -> str:
    """Return about ``size`` characters: the first third, a line that counts those left out, and the last two thirds."""
    if len(text) <= size:
        return text
    head, tail = text[: size // 3], text[-(size - size // 3) :]
    return f"{head}\n[… {len(text) - size} characters left out; results.json has them …]\n{tail}"


def enumerated(items: list[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``; an item that contains a comma is quoted."""
    items = [f'"{item}"' if "," in item else item for item in items]
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)
