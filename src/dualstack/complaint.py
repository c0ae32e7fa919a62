"""The lines of a program's output that say why it failed, whatever language it is written in."""

import re
from collections.abc import Iterator, Sequence

_LONGEST = 300
"""How many characters of a line are returned."""

_FIRST, _LAST, _WIDEST = 100, 1000, 2000
"""How many lines are examined at the beginning and at the end, and how many characters of each."""

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")

_STAMP = re.compile(r"^[\[(]?\d{4}[-/.]\d\d[-/.]\d\d[T ]?[\d:.,]*Z?[\])]?\s*")
"""A timestamp at the beginning of a line: lines that differ only in it count as equal."""

_FRAME = re.compile(
    r"""
    ^\s*at\s\S | ^\s*\.\.\.\s\d+\s(more|common) | ^Node\.js\sv\d | ^node:\S+:\d+$      # Java, Node
    | ^\s*throw\s | ^[\s~]*\^[\s^~]*$ | ^\s*[\[\]{}()]+[,;]?$ | ^Emitted\s'error'\sevent
    | ^\s+(code|errno|syscall|address|port|path|spawnargs|requireStack)\b.{0,4}:\s
    | Could\snot\screate\sthe\sJava\sVirtual\sMachine | A\sfatal\sexception\shas\soccurred
    | ^\s+File\s".*",\sline\s\d+ | ^Traceback\s\(most\srecent | ^During\shandling\sof | direct\scause\sof\sthe\sfoll
    | ^\s*from\s\S+:\d+:in\s                                                           # Ruby
    | ^\#\d+\s | ^Stack\strace:$ | ^\s+thrown\sin\s | ^\s*---\sEnd\sof                 # PHP, .NET
    | ^stack\s(traceback|backtrace):$ | ^\s+\[C\]: | ^\s+no\s(field|file)\s            # Lua, Rust
    | ^note:\s | ^\s+\d+:\s+(0x|[\w<]+(::|\b)) | ^CallStack\s\(from | ,\scalled\sat\s  # Rust, Haskell
    | ^Crash\sdump\sis\sbeing\swritten | ^exit\sstatus\s\d+$ | ^created\sby\s          # Erlang, Go
    | ^=[A-Z]+\sREPORT== | ^[-=*\#\s]+$
    """,
    re.VERBOSE,
)
"""A line that says where a program failed, or nothing; it never says why."""

_OPTION = re.compile(r"^\s*(?:-[A-Za-z0-9]|--[A-Za-z][\w-]+)(?:[\s,=|<\[]|$)")
"""A line of a usage text that describes an option."""

_FEWEST_OPTIONS = 3
"""Fewer lines that begin with an option are no usage text."""

_NODE_SOURCE = re.compile(r"^(?:node:)?[^\s:][^:\n]*:\d+\n.*\n\s*\^+\s*$", re.MULTILINE)
"""Node: the place of an uncaught exception, the line of the source there, and carets below it."""

_PLACE = re.compile(
    r"""
    ^[\s|]*File\s".*",\sline\s\d+                                # Python
    | ^\s+at\s(?:.*\(.*\)|\S+:\d+:\d+)                           # Java, Node, .NET, Rust
    | ^\s+\d+:\s+(?:0x|[\w<]+::) | ^\#\d+\s\S+\(\d+\):\s          # Rust, PHP
    """,
    re.VERBOSE,
)
"""A stack frame: the functions and files that it names, such as gethostbyname, say nothing of what has failed."""

_PROPERTY = re.compile(
    r"""
    ^(?:\s*["']?\w+["']?:\s*\[)?\s*(?:["']E[A-Z0-9_]+["'](?:,\s*|\s*\]|$))+[\s,]*$  # a list of names of errors
    | ^\s+[\w'"$-]+:\s(?:undefined|null|true|false|-?\d+|\[\]|\{\}|[\[{].*\bundefined\b.*[\]}]),?$
    | ^\s+[\w'"$-]+:\s[\[{]$
    """,
    re.VERBOSE,
)
"""A line of an object, such as the options of a client, that Node shows beside an error: nothing of it has happened."""

_TRACEBACK = "Traceback (most recent call last)"

_DUMP = re.compile(r"^goroutine \d+ \[|^\[signal SIG\w+: ")
"""The first line of a part of a Go program's stack; an empty line ends it."""

_NONE = re.compile(
    r"""(?i)\b(no|without|zero|0(/0)*(\s[\w-]+)?)\s(errors?|exceptions?|failures?)\b"""
    r"""|["']?error["']?\s*[:=]\s*(null|none|0)\b"""
)
"""Words about errors in a line that reports no error."""

_FATAL = re.compile(
    r"(?i)\bfatal\b|\bpanic(ked)?\b|\buncaught\b|\bunhandled\b|\bcaused by\b|(?<!-)--->\s\w+\."
    r"|\[(emerg|alert|crit)\]|\bcritical\b|\bexception in thread\b|^terminate called|^\s+what\(\):"
    r"|^\*\* \(|\binit terminating\b|terminated \(|core dumped|segmentation fault|\bassertion\b|\babort(ed|ing)?\b"
)
"""Words for a fault that ends a program."""

_ERROR = re.compile(
    r"(?i)\berror|[a-z]Error\b|Exception\b|\bexception\b|errno|\berr\b"
    r"|\bE(ADDR|AF|ACCES|PERM|INVAL|NOENT|NETUN|HOSTUN|MFILE|CONN|PROTO|OPNOT|EXIST)\w*"
)
"""Words for an error."""

_TROUBLE = re.compile(
    r"(?i)\bcannot\b|\bcan(no|')?t\b|\bcould\s?n[o']t\b|\bunable\b|\bfail(s|ed|ure|ing)?\b|\binvalid\b|\billegal\b"
    r"|\bunknown\b|\bunrecogni[sz]ed\b|\bunsupported\b|\bunexpected\b(?!-)|\bundefined\b|not (found|defined|supported|"
    r"available|permitted|allowed|set|valid|exist|installed|a directory)|no such|does ?n[o']t exist|\bmissing\b"
    r"|\brequire[sd]\b|\bdenied\b|\brefused\b|\bin use\b|\bunreachable\b|\btimed out\b|\btoo many\b|^usage\b|\bmust\b"
    r"|terminat(ed|ing)|\breason\b|\bexpired\b|is a directory|\bbad\b|provided but"
)
"""Other words for something that does not work."""

_WARNING = re.compile(r"(?i)\bwarn(ing)?\b")

_HARMLESS = re.compile(r"""(?i)\b(info|debug|trace|notice)\b|level\W{1,4}(info|debug|trace)""")
"""Log levels at which programs do not report fatal errors."""


def why(output: str, most: int = 4) -> tuple[str, ...]:
    """Return the lines that say why a program failed, in their order, each once.

    These are the most severe lines that name a fault (the last ones if there are many), or else the last line with any
    text. Stack frames, empty lines and the like are skipped.

    Args:
        output: What the program wrote.
        most: Maximum number of lines.
    """
    telling = list(_telling(without_usage(_ANSI.sub("", output))))
    graded = [(grade, number, line) for number, (grade, line) in enumerate(telling)]
    highest = max((grade for grade, _, _ in graded), default=0)
    if highest <= 0:
        return tuple(line for _, line in telling[-1:])
    kept = [item for item in graded if item[0] >= min(2, highest)]
    chosen = sorted(sorted(kept, reverse=True)[:most], key=lambda item: item[1])
    return tuple(line for _, _, line in chosen)


def said(output: str, most: int = 2) -> str:
    """Return what the output says of the failure, as the end of a sentence."""
    quoted = [f'"{line[: _LONGEST // most]}"' for line in why(output, most)]
    return f"; its output says: {' and '.join(quoted)}" if quoted else "; it printed nothing"


def without_sources(output: str) -> str:
    """Return an output without what is shown beside an error and says nothing of it.

    These are the program's own lines (Node and Python), stack frames, and options of a client.
    """
    kept, inside = [], False
    for line in _NODE_SOURCE.sub("", output).split("\n"):
        inside = line.lstrip().startswith(_TRACEBACK) or (inside and line[:1].isspace())
        if not (inside or _PLACE.search(line) or _PROPERTY.search(line)):
            kept.append(line)
    return "\n".join(kept)


def without_usage(output: str) -> str:
    """Return an output without the descriptions of options in a usage text: they report nothing."""
    lines = output.split("\n")
    if sum(bool(_OPTION.match(line)) for line in lines) < _FEWEST_OPTIONS:
        return output
    kept, depth = [], -1
    for line in lines:
        indented = len(line) - len(line.lstrip())
        if _OPTION.match(line):
            depth = indented
        elif depth < 0 or (line.strip() and indented <= depth):
            depth = -1
            kept.append(line)
    return "\n".join(kept)


def _telling(output: str) -> Iterator[tuple[int, str]]:
    """Yield each distinct line that has text, with its severity from 4 (fatal) to 0."""
    seen: set[str] = set()
    lines = output.splitlines()
    lines = lines if len(lines) <= _FIRST + _LAST else lines[:_FIRST] + lines[-_LAST:]
    text = _NODE_SOURCE.sub("", "\n".join(line[:_WIDEST] for line in lines))
    for grade, line in _graded(text.split("\n")):
        shown = _STAMP.sub("", line).strip()
        if shown and shown not in seen:
            seen.add(shown)
            yield grade, line.strip()[:_LONGEST]


def _graded(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither empty nor part of a stack trace, with their severity."""
    dump = traceback = message = False
    for line in lines:
        if not line.strip():
            dump = False
        elif message:  # Rust: the line after "thread 'main' panicked at src/main.rs:5:10:" is the message
            message = False
            yield 4, line
        elif dump or _DUMP.match(line):
            dump = True
        elif line.startswith(_TRACEBACK):
            traceback = True
        elif traceback and not line[0].isspace():  # Python: the first line that is not indented is the exception
            traceback = False
            yield 4, line
        elif not traceback and not _FRAME.search(line) and not _PROPERTY.search(line):
            message = bool(re.search(r"^thread '.*' panicked at \S+:\d+:\d+:$", line))
            if not message:
                yield _grade(line), line


def _grade(line: str) -> int:
    """Return the severity of a line: 4 fatal, 3 error, 2 other trouble, 1 warning, 0 none."""
    signs = ((4, _FATAL), (3, _ERROR), (2, _TROUBLE), (1, _WARNING))
    found = next((grade for grade, sign in signs if sign.search(line)), 0)
    harmless = _NONE.search(line) or (found < 4 and _HARMLESS.search(line))  # noqa: PLR2004 - the grades above
    return 0 if harmless else found
