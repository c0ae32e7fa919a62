"""How the container of a service is made and started."""

from collections.abc import Mapping
from pathlib import Path
from socket import SHUT_WR, socket
from typing import Any

from dualstack.lab.docker import containers
from dualstack.lab.docker.engine import APIError, reason_of
from dualstack.prober.messages import Launch

_HEALTH_INTERVAL = 500_000_000
"""Nanoseconds between two health checks of an image: its own interval is for months of service, not for a case."""

_INITS = frozenset({"tini", "dumb-init", "init", "s6-svscan", "systemd", "catatonit"})


def has_health_check(launch: Launch, image: Mapping[str, Any]) -> bool:
    """Return whether a program has a health check: its own, or that of its image if the image is its own."""
    test = (image["Config"].get("Healthcheck") or {}).get("Test", ["NONE"])
    return bool(launch.contained.health) or (bool(test[0] != "NONE") and launch.contained.own)


def service_plan(launch: Launch, image: Mapping[str, Any], *, pause: str, labels: Mapping[str, str]) -> containers.Plan:
    """Return the plan of a service's container.

    Args:
        launch: How the service is started.
        image: The engine's description of its image.
        pause: The engine's id of the host's pause container.
        labels: The labels of the container.
    """
    more: dict[str, Any] = {"Env": [f"{key}={value}" for key, value in launch.environment.items()]}
    if launch.directory:
        more["WorkingDir"] = launch.directory
    own = launch.contained
    if has_health_check(launch, image):
        more["Healthcheck"] = {"Interval": _HEALTH_INTERVAL} | ({"Test": ["CMD", *own.health]} if own.health else {})
    elif not own.own:
        more["Healthcheck"] = {"Test": ["NONE"]}
    if own.user:
        more["User"] = own.user
    if not launch.command and (own.entrypoint or own.arguments):
        more |= {"Entrypoint": [*own.entrypoint]} if own.entrypoint else {}
        more["Cmd"] = [*own.arguments]
    # Signals work as on a machine: a process 1 would ignore those that it does not handle.
    init = not _is_init(launch.command or own.entrypoint or _words(image))
    host = {**containers.member_host(pause, af_inet6=launch.af_inet6), "Init": init}
    host |= {"ReadonlyRootfs": launch.read_only, "Tmpfs": dict.fromkeys(launch.tmpfs, "")}
    host |= {"PidsLimit": launch.limits.processes or None, "Memory": launch.limits.memory << 20}
    return containers.Plan(
        image=launch.image,
        command=launch.command or None,
        labels=labels,
        host=host,
        more=more,
        stdin=bool(launch.input),
    )


def send_input(stream: socket, text: str) -> None:
    """Send a program its input and the end of it; one that has ended without reading is no error here."""
    if text:
        try:
            stream.sendall(text.encode())
            stream.shutdown(SHUT_WR)
        except OSError:
            return


def start_reason(error: APIError) -> str:
    """Return why the engine could not start a container, without the runtime's words around it."""
    return reason_of(error).rsplit("starting container process caused: ", 1)[-1]


def _words(image: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the entrypoint and the command of an image."""
    config = image["Config"]
    return (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))


def _is_init(words: tuple[str, ...]) -> bool:
    """Return whether a command is an init itself, which must be process 1."""
    return bool(words) and Path(words[0]).name in _INITS
