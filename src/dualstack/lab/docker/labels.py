"""Whose is it: the labels on every object, and the removal of what dead runs have left."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dualstack.lab.docker.engine import APIError, Engine, NotFound, explained, reason_of

RUN, WORKER, PID, CREATED = "dualstack.run", "dualstack.worker", "dualstack.pid", "dualstack.created"
_PROCESS = "dualstack.process"

_CONFLICT = 409


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns what is made.

    Attributes:
        run: The run's id.
        worker: Which of the run's processes it is.
    """

    run: str
    worker: str

    def labels(self) -> dict[str, str]:
        """Return the labels of an object that is made now."""
        return {
            RUN: self.run,
            WORKER: self.worker,
            PID: str(os.getpid()),
            CREATED: datetime.now(UTC).isoformat(timespec="seconds"),
            _PROCESS: f"{_machine()} {_namespace()} {os.getpid()} {_started(os.getpid())}",
        }


def _machine() -> str:
    """Return what stands for this machine since it was started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    """Return the PID namespace in which our process numbers mean something."""
    return re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - a magic link: Path would resolve it


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since the boot; empty if there is none or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="backslashreplace")
    except OSError:
        return ""
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def is_dead(labels: dict[str, str]) -> bool:
    """Return whether the process that made an object is certain to have ended.

    Of a process of another machine, or one in another container, nothing is certain: its objects are left alone.
    """
    parts = labels.get(_PROCESS, "").split()
    if len(parts) != 4 or parts[1] != _namespace():  # noqa: PLR2004 - as `Owner.labels` writes it
        return False
    return parts[0] == _machine() and _started(int(parts[2])) != parts[3]


def objects(engine: Engine) -> tuple[list[tuple[str, dict[str, str]]], list[tuple[str, dict[str, str]]]]:
    """Return the containers and the networks that have our labels: id and labels of each."""
    with explained("what earlier runs left cannot be listed"):
        containers = engine.api.containers(all=True, filters={"label": RUN})
        networks = engine.api.networks(filters={"label": RUN})
    return ([(item["Id"], item["Labels"]) for item in containers], [(item["Id"], item["Labels"]) for item in networks])


def sweep(engine: Engine) -> list[str]:
    """Remove what runs have left whose process is dead; return what was removed, one line each."""
    containers, networks = objects(engine)
    removed = []
    for identity, labels in containers:
        if is_dead(labels) and remove_container(engine, identity):
            removed.append(f"container {identity[:12]} of run {labels[RUN]}")
    for identity, labels in networks:
        if is_dead(labels) and remove_network(engine, identity):
            removed.append(f"network {identity[:12]} of run {labels[RUN]}")
    return removed


def of_owner(engine: Engine, owner: Owner) -> list[str]:
    """Return what there is of one process, one line each."""
    mine = {RUN: owner.run, WORKER: owner.worker, PID: str(os.getpid())}
    containers, networks = objects(engine)
    found = [("container", *item) for item in containers] + [("network", *item) for item in networks]
    return [f"{kind} {name[:12]}" for kind, name, labels in found if mine.items() <= labels.items()]


def remove_container(engine: Engine, identity: str) -> bool:
    """Kill and remove a container, and return when it is gone; False if it was gone before.

    Raises:
        HarnessError: The engine cannot.
    """
    with explained(f"container {identity[:12]} cannot be removed"):
        try:
            engine.api.remove_container(identity, force=True, v=True)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
            try:  # somebody else, perhaps the engine itself, is removing it
                engine.api.wait(identity, condition="removed")
            except NotFound:
                return False
    return True


def remove_network(engine: Engine, identity: str) -> bool:
    """Remove a network; return False if it was gone before.

    Raises:
        HarnessError: The engine cannot.
    """
    with explained(f"network {identity[:12]} cannot be removed"):
        try:
            engine.api.remove_network(identity)
        except NotFound:
            return False
        except APIError as error:
            if "not found" in reason_of(error):
                return False
            raise
    return True
