"""The machine's apt sources, in both formats of sources.list(5), and which of them are the distribution's."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ALIASES = frozenset({"oldstable", "stable", "testing", "unstable", "sid"})
"""Suite names of Debian's sources besides the release code name."""

_LEFT_OUT = ("backports", "proposed", "proposed-updates", "debug")
_ARCHIVE_KEY = re.compile(r"(debian|ubuntu)-archive-[a-z-]*keyring|(debian|ubuntu)-archive-\w+-(automatic|stable)")


@dataclass(frozen=True, slots=True)
class Source:
    """One suite of one repository.

    Attributes:
        uri: The URI of the repository.
        suite: ``bookworm``, ``bookworm-security`` …
        components: ``main`` …; empty for a flat repository.
        signed_by: The path of a keyring, a fingerprint or a whole key; empty for the keys that apt trusts by default.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""

    @property
    def line(self) -> str:
        """The source as one line of sources.list(5)."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(self.components)}"


def read_sources(folder: Path) -> list[Source]:
    """Return the sources of binary packages in apt's configuration folder; unreadable files are skipped."""
    parts = folder / "sources.list.d"
    found: list[Source] = []
    for path in [folder / "sources.list", *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found += parse_stanzas(text) if path.suffix == ".sources" else parse_lines(text)
    return found


def parse_lines(text: str) -> list[Source]:
    """Return the sources in the one-line format."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>\S.*)", line)
        if match is None:
            continue
        words = match["rest"].split("#")[0].split()
        options = dict(part.split("=", 1) for part in (match["options"] or "").split() if "=" in part)
        if len(words) > 1:
            found.append(Source(words[0], words[1], tuple(words[2:]), options.get("signed-by", "")))
    return found


def parse_stanzas(text: str) -> list[Source]:
    """Return the sources in the deb822 format."""
    found = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        found += [
            Source(uri, suite, tuple(fields.get("components", "").split()), fields.get("signed-by", ""))
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def _fields(stanza: str) -> Mapping[str, str]:
    """Return the fields of a stanza by lower-case name; lines that begin with a space continue a value."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            fields[name] = fields.get(name, "") + "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def code_names(os_release: str) -> set[str]:
    """Return the code names in the text of an os-release(5) file: of the release, and of those that it is based on."""
    values = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    keys = ("VERSION_CODENAME", "UBUNTU_CODENAME", "DEBIAN_CODENAME")
    return {values[key].strip("\"' ") for key in keys if values.get(key)}


def of_distribution(sources: Iterable[Source], names: Collection[str]) -> list[Source]:
    """Return the sources that look like the distribution's own, each once; only apt can check their origin.

    Args:
        sources: All sources of the machine.
        names: The code names of the release.
    """
    kept: dict[Source, None] = {}
    for source in sources:
        base, _, pocket = source.suite.replace("/updates", "-security").partition("-")
        key = Path(source.signed_by).name if "\n" not in source.signed_by else "inline"
        ours = base in {*names, *ALIASES} and pocket not in _LEFT_OUT and bool(source.components)
        signed = not source.signed_by or _ARCHIVE_KEY.match(key) is not None
        if ours and signed and not source.uri.startswith("cdrom:"):
            kept[source] = None
    return list(kept)
