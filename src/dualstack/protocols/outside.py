"""Protocols from outside: Python files of a team, given as text, because no host of a lab sees the team's folders."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from dualstack.errors import UsageError
from dualstack.protocols.application import Application, Trait
from dualstack.protocols.registry import PROTOCOLS, protocols_in
from dualstack.transport import Transport

_PUBLIC = "dualstack.protocols"
"""What a file from outside may import of dualstack."""

_LONGEST = 60_000
"""Bytes that a file may have: one message to a lab supervisor carries it, as JSON."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_ANSWERS = frozenset({Trait.ANSWERS, Trait.ONE_WAY, Trait.SILENT})


@dataclass(frozen=True, slots=True)
class Source:
    """A file with protocols.

    Attributes:
        place: The file, as messages name it.
        text: Its content.
    """

    place: str
    text: str


_SOURCES: list[Source] = []


def sources() -> tuple[Source, ...]:
    """Return the files that were added in this process, in that order."""
    return tuple(_SOURCES)


def add(source: Source) -> None:
    """Add the protocols of a file to the registry of this process; a file that was added before is kept.

    Raises:
        UsageError: The file is wrong, or has a protocol whose name exists already; the message names the place.
    """
    if source in _SOURCES:
        return
    if len(source.text.encode()) > _LONGEST:
        raise UsageError(f"{source.place}: too long; a file of protocols has at most {_LONGEST} bytes")
    module = ModuleType(f"dualstack_protocols_{len(_SOURCES)}")
    module.__file__ = source.place
    sys.modules[module.__name__] = module  # dataclasses look there
    try:
        _execute(source, module)
        found = _protocols_of(source, module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    PROTOCOLS.update(found)
    _SOURCES.append(source)


def _protocols_of(source: Source, module: ModuleType) -> dict[str, type[Application]]:
    """Return the protocols that the module of a file defines, by their names.

    Raises:
        UsageError: There is none, or one is wrong.
    """
    found: dict[str, type[Application]] = {}
    for item in protocols_in(module):
        _check(source.place, item, found)
        found[item.name] = item
    if not found:
        raise UsageError(f"{source.place}: defines no protocol: a subclass of Application that has a name")
    return found


def _execute(source: Source, module: ModuleType) -> None:
    """Execute a file as a module.

    Raises:
        UsageError: It cannot be; the message names the line.
    """
    try:
        tree = ast.parse(source.text, source.place)
        _check_imports(source.place, tree)
        exec(compile(tree, source.place, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the team's own code
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        line, text = _where(error, source.place)
        raise UsageError(f"{source.place}:{line}: cannot be imported: {type(error).__name__}: {text}") from error


def _check_imports(place: str, tree: ast.Module) -> None:
    """Refuse imports that fail inside the hosts of a lab.

    Raises:
        UsageError: There is one; the message names the line.
    """
    for line, name in _imports(tree):
        if name != _PUBLIC and name.partition(".")[0] not in sys.stdlib_module_names:
            raise UsageError(
                f"{place}:{line}: imports {name}; a protocol runs inside the hosts of a lab, where it can import only "
                f"{_PUBLIC} and the standard library"
            )


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the module of each import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, item.name) for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


def _where(error: BaseException, place: str) -> tuple[int, str]:
    """Return the line of a file in which an error was raised, and the error's text."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1, error.msg
    line, trace = 1, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == place else line
        trace = trace.tb_next
    return line, str(error)


def _check(place: str, item: type[Application], others: Mapping[str, type[Application]]) -> None:
    """Check that a protocol declares what it must.

    Raises:
        UsageError: It does not, or its name exists already: in the registry, or in ``others``,
            the protocols of the same file.
    """
    where = f"{place}: {item.__name__}"
    if not isinstance(item.name, str) or not _NAME.fullmatch(item.name):
        raise UsageError(f"{where}.name: found {item.name!r}; allowed: a text that matches {_NAME.pattern}")
    if same := PROTOCOLS.get(item.name, others.get(item.name)):
        other = sys.modules[same.__module__].__file__
        raise UsageError(f"{where}.name: protocol {item.name!r} exists already, in {other}: give it another name")
    for key, kind in (("traits", Trait), ("transports", Transport), ("serves", Transport)):
        value = getattr(item, key, None)
        if not isinstance(value, frozenset) or not all(isinstance(one, kind) for one in value):
            raise UsageError(f"{where}.{key}: found {value!r}; allowed: a frozenset of {kind.__name__}")
    if len(item.traits & _ANSWERS) != 1:
        raise UsageError(f"{where}.traits: it needs one of Trait.ANSWERS, Trait.ONE_WAY and Trait.SILENT")
    for key, end in (("transports", "client"), ("serves", "server")):
        method = getattr(getattr(item, end), "__func__", None)
        if getattr(item, key) and method in {None, getattr(Application, end).__func__}:
            raise UsageError(f"{where}.{key}: it has no class method {end}; define it, or set {key} = frozenset()")
    reads = getattr(item.advertised, "__func__", None) not in {None, Application.advertised.__func__}  # type: ignore[attr-defined]  # a class method has it
    if reads is not (Trait.ADVERTISES in item.traits):
        raise UsageError(f"{where}: Trait.ADVERTISES and a class method advertised belong together; one is missing")
    if not item.transports | item.serves:
        raise UsageError(f"{where}: it has neither a client nor a server")
