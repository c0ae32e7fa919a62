"""The labels that name the owner of every object, and the removal of what dead runs have left."""

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
    """Return the id of this machine's current boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _namespace() -> str:
    """Return the id of our PID namespace, in which process numbers are unique."""
    return re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))  # noqa: PTH115 - a magic link: Path would resolve it


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since the boot; empty if it has ended or is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="backslashreplace")
    except OSError:
        return ""
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] in {"Z", "X"} else fields[19]


def is_dead(labels: dict[str, str]) -> bool:
    """Return whether the process that made an object has certainly ended.

    Of a process of another machine or container that is never certain: its objects stay.
    """
    parts = labels.get(_PROCESS, "").split()
    if len(parts) != 4 or parts[1] != _namespace():  # noqa: PLR2004 - as `Owner.labels` writes it
        return False
    return parts[0] == _machine() and _started(int(parts[2])) != parts[3]


def objects(engine: Engine) -> tuple[list[tuple[str, dict[str, str]]], list[tuple[str, dict[str, str]]]]:
    """Return id and labels of each container, and of each network, that has our labels."""
    with explained("what earlier runs left cannot be listed"):
        containers = engine.api.containers(all=True, filters={"label": RUN})
        networks = engine.api.networks(filters={"label": RUN})
    return ([(item["Id"], item["Labels"]) for item in containers], [(item["Id"], item["Labels"]) for item in networks])


def sweep(engine: Engine) -> list[str]:
    """Remove the objects of dead processes; return what was removed, one line each."""
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
    """Return the objects of one process, one line each."""
    mine = {RUN: owner.run, WORKER: owner.worker, PID: str(os.getpid())}
    containers, networks = objects(engine)
    found = [("container", *item) for item in containers] + [("network", *item) for item in networks]
    return [f"{kind} {name[:12]}" for kind, name, labels in found if mine.items() <= labels.items()]


def remove_container(engine: Engine, identity: str) -> bool:
    """Kill and remove a container; return when it is gone, False if there was none.

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
            try:  # it is being removed already, perhaps by the engine
                engine.api.wait(identity, condition="removed")
            except NotFound:
                return False
    return True


def remove_network(engine: Engine, identity: str) -> bool:
    """Remove a network; return False if there was none.

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
