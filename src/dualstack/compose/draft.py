"""What of a compose file is put into a manifest: images and containers, and what of the file is not honoured."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dualstack.compose import reading
from dualstack.compose.source import Key, Source
from dualstack.errors import UsageError
from dualstack.suggestion import did_you_mean
from dualstack.trying.drafting import quoted

_HONOURED = frozenset(
    {
        "image", "build", "command", "entrypoint", "environment", "env_file", "ports", "expose", "depends_on",
        "healthcheck", "working_dir", "user", "volumes", "tmpfs", "read_only", "stop_signal", "init",
    }
)  # fmt: skip
_SILENT = frozenset({"container_name", "hostname", "labels", "profiles", "platform", "pull_policy", "annotations"})
"""Keys that name or select containers: they change nothing in a lab."""

_ALIKE = 0.8
"""How similar a mistyped key is to the key that is meant, from 0 to 1: Compose has many others."""

_WHY = {
    "restart": "a program that ends is not started again: its end is a result",
    "networks": "all services share the network of one host, as localhost",
    "network_mode": "all services share the network of one host",
    "links": "the names of services stand for localhost",
    "extra_hosts": "the lab writes /etc/hosts",
    "dns": "the lab has its own name server",
    "privileged": "labs give no more rights than Docker's default",
    "cap_add": "labs give no more rights than Docker's default",
    "devices": "labs give no devices",
    "sysctls": "the topologies set the kernel's settings",
    "deploy": "one container runs for each service",
    "secrets": "mount the file with volumes instead",
    "configs": "mount the file with volumes instead",
    "logging": "the output is in the report",
}

_OF_BUILD = frozenset({"context", "dockerfile", "target", "args"})
_NO_IMAGE = frozenset({"tags", "labels", "cache_from", "cache_to", "no_cache", "pull"})
"""Keys of ``build`` that do not change what the image does."""


@dataclass(slots=True)
class Draft:
    """A manifest in the making.

    Attributes:
        source: The compose file.
        folder: The folder of the manifest.
        notes: What is not honoured, one sentence each, with file, line and key.
    """

    source: Source
    folder: Path
    notes: list[str] = field(default_factory=list)

    def note(self, key: Key, why: str) -> None:
        """Add what is not honoured."""
        self.notes.append(f"{self.source.at(key)}: not honoured: {why}")

    def service(self, name: str) -> dict[str, Any]:
        """Return the keys of a service.

        Raises:
            UsageError: There is no such service, or it is no table.
        """
        known = self.source.data["services"]
        if name not in known:
            there = f" (there are: {', '.join(known)}){did_you_mean(name, list(known))}"
            raise UsageError(f"{self.source.path}: no service {name!r}{there}")
        found = known[name]
        if not isinstance(found, dict):
            raise self.source.fault(("services", name), "found no table")
        return found

    def container(self, name: str, *, table: str) -> Iterator[str]:
        """Yield the lines of a service's ``container`` table."""
        service, key = self.service(name), ("services", name)
        lines = []
        for word, ours in (("entrypoint", "entrypoint"), ("command", "arguments")):
            if service.get(word):
                lines.append(f"{ours} = {list_of(reading.words(self.source, (*key, word), service[word]))}")
        for word, ours in (("user", "user"), ("working_dir", "working_directory")):
            if service.get(word):
                lines.append(f"{ours} = {quoted(str(service[word]))}")
        if check := reading.health(service):
            lines.append(f"health = {list_of(check)}")
        copies = list(self._copies(name, service, closed=table == "image.container" and bool(service.get("read_only"))))
        if copies:
            lines.append(f"copies = {{ {', '.join(copies)} }}")
        if lines:
            yield from ("", f"[{table}]", *lines)

    def _copies(self, name: str, service: Mapping[str, Any], *, closed: bool) -> Iterator[str]:
        """Yield the files and folders that a service mounts, which the lab copies; none into a read-only root."""
        for target, origin, readonly, key in reading.mounts(self.source, name, service):
            if origin is None:
                self.note(key, "a volume of the engine is an empty folder of the container")
                continue
            if closed:
                self.note(key, "nothing can be copied into a container with read_only: true")
                continue
            if not origin.exists():
                self.note(key, f"{origin} does not exist")
                continue
            if not readonly:
                self.note(key, "it is copied into the container; what is written there does not come back")
            yield f"{quoted(target)} = {quoted(os.path.relpath(origin, self.source.path.parent.resolve()))}"

    def image(self, name: str, word: str) -> Iterator[str]:
        """Yield the lines that say which image a service runs in; ``word`` is the manifest's key for its name.

        Raises:
            UsageError: It has none, or one that cannot be built as the file says.
        """
        service, key = self.service(name), ("services", name)
        build = service.get("build")
        if build is None:
            if not isinstance(service.get("image"), str):
                raise self.source.fault(key, "neither image nor build")
            yield f"{word} = {quoted(service['image'])}"
            return
        table = build if isinstance(build, dict) else {"context": build}
        if other := next((item for item in table if item not in _OF_BUILD | _NO_IMAGE), ""):
            text = "is not supported, and the image would be another one: build it, and name it in image"
            raise self.source.fault((*key, "build", other), text)
        yield f"build = {quoted(str(table.get('context') or '.'))}"
        names = (("dockerfile", "name"), ("target", "target"))
        given = [f"{ours} = {quoted(str(table[theirs]))}" for theirs, ours in names if table.get(theirs)]
        if found := reading.assigned(self.source, (*key, "build", "args"), table.get("args")):
            given.append(f"arguments = {table_of(found)}")
        if given:
            yield f"dockerfile = {{ {', '.join(given)} }}"

    def needed(self, name: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        """Yield the services that a service needs, each after those that it needs itself.

        Raises:
            UsageError: One does not exist, or they need each other.
        """
        for other, condition in reading.needs(self.service(name)).items():
            key = ("services", name, "depends_on", other)
            if other not in self.source.data["services"]:
                raise self.source.fault(key, f"there is no service {other!r}")
            if other in (*above, name):
                raise self.source.fault(key, "the services depend on each other")
            if condition == "service_completed_successfully":
                self.note(key, f"components run until the service has stopped, so {other} is not started")
                continue
            yield from self.needed(other, (*above, name))
            yield other

    def unhonoured(self, name: str) -> None:
        """Note the keys of a service that labs have nothing for."""
        for word, value in self.service(name).items():
            if word in _HONOURED | _SILENT or word.startswith("x-") or value in (None, False, "no", [], {}):
                continue
            hint = did_you_mean(word, [*_HONOURED, *_SILENT, *_WHY], cutoff=_ALIKE)
            self.note(("services", name, word), _WHY.get(word, f"labs have nothing like it{hint}"))


def table_of(values: Mapping[str, str]) -> str:
    """Return an inline table of TOML."""
    return f"{{ {', '.join(f'{quoted(key)} = {quoted(text)}' for key, text in values.items())} }}"


def list_of(words: list[str]) -> str:
    """Return a list of TOML."""
    return f"[{', '.join(map(quoted, words))}]"
