"""The connection to the container engine, over its API only: DOCKER_HOST, Docker Desktop and Podman's socket work."""

import contextlib
import errno
import os
import platform
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env, version_gte

from dualstack.errors import DualstackError, HarnessError, HostCannot

_NATIVE_IPV6_ONLY = "1.48"
"""The API version from which networks can be without IPv4 (engine 28); older ones ignore that option silently."""

_TIMEOUT = 60.0
"""Seconds that one request may take, also on a busy machine."""

_CONNECTIONS = 64
"""How many connections are kept open: each running service waits on one."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

_START = "start it (systemctl start docker, or dockerd as root), or name another one in DOCKER_HOST"
_TUNNEL = "run ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST, and use unix:///tmp/engine.sock"
_PERMIT = "join the group docker (sudo usermod -aG docker $USER, then log in again), or use another DOCKER_HOST"

CONNECTION_ERRORS = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError)
"""The errors of a request when the engine cannot be reached."""

__all__ = ["CONNECTION_ERRORS", "APIError", "Engine", "ImageNotFound", "NoEngine", "NotFound", "connect", "explained"]


class NoEngine(HostCannot):
    """There is no usable engine.

    Attributes:
        found: What was found.
        remedy: What the user can do.
    """

    def __init__(self, found: str, remedy: str, detail: str = "") -> None:
        """Make one sentence of both, with the system's message in brackets."""
        super().__init__(f"{found}: {remedy}" + (f" ({detail})" if detail else ""))
        self.found = found
        self.remedy = remedy


class Engine:
    """A connection to an engine.

    Attributes:
        api: The SDK's low-level client; usable from several threads.
        address: Where the engine is, for messages.
        version: The engine's own version.
        api_version: The version of the API that is used.
        architecture: The engine's processor architecture, as Go names it.
    """

    def __init__(self, api: docker.APIClient, address: str, described: dict[str, Any]) -> None:
        """Keep the connection; use `connect` to get one."""
        self.api = api
        self.address = address
        self.version: str = described["Version"]
        self.api_version: str = api.api_version
        self.architecture: str = described["Arch"]

    @property
    def makes_ipv6_only(self) -> bool:
        """Whether its networks can be without IPv4."""
        return bool(version_gte(self.api_version, _NATIVE_IPV6_ONLY))

    def is_rootless(self) -> bool:
        """Return whether it runs without root's rights."""
        with explained("the engine cannot be asked what it is"):
            return "name=rootless" in (self.api.info().get("SecurityOptions") or ())

    def close(self) -> None:
        """Close the connection."""
        self.api.close()


def connect(address: str = "") -> Engine:
    """Connect to an engine.

    Args:
        address: Its address; without one, that in DOCKER_HOST, or the machine's own engine.

    Raises:
        NoEngine: There is none, or it may not be used.
        HostCannot: It runs on another processor architecture.
    """
    address = address or engine_address()
    try:
        _try(address)
        settings: dict[str, Any] = kwargs_from_env({**os.environ, "DOCKER_HOST": address})
        tls = settings.get("tls", False)
        api = docker.APIClient(
            base_url=settings.get("base_url"),
            tls=tls if isinstance(tls, TLSConfig) else False,
            version="auto",
            timeout=_TIMEOUT,
            max_pool_size=_CONNECTIONS,
        )
        described: dict[str, Any] = api.version()
    except (DockerException, *CONNECTION_ERRORS) as error:
        raise _absence(address, error) from None
    wanted = _MACHINES.get(platform.machine(), platform.machine())
    if described["Arch"] != wanted:
        api.close()
        raise HostCannot(f"the engine at {address} runs on {described['Arch']}, this machine on {wanted}")
    return Engine(api, address, described)


def engine_address() -> str:
    """Return the address of the engine that is used if none is named."""
    return os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


def _try(address: str) -> None:
    """Connect to a local socket once: on failure the SDK would leave one open and hide the reason.

    Raises:
        OSError: There is no listener, or no permission.
        NoEngine: It is reached over SSH.
    """
    scheme, _, path = address.partition("://")
    if scheme == "ssh":  # labs attach to containers by the descriptor of a socket, which the SDK's ssh has not
        raise NoEngine(f"{address} cannot be used as it is", _TUNNEL)
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as trial:
            trial.connect(path)


def _absence(address: str, error: BaseException) -> NoEngine:
    """Return why there is no engine, and what to do."""
    forbidden = NoEngine(f"no permission to use the container engine at {address}", _PERMIT)
    seen: BaseException | None = error
    while seen is not None:
        # The errno of a TLS error is not one of the kernel's.
        known = isinstance(seen, OSError) and not isinstance(seen, ssl.SSLError)
        if known and getattr(seen, "errno", None) in {errno.EACCES, errno.EPERM}:
            return forbidden
        seen = seen.__cause__ or seen.__context__
    if "PermissionError" in str(error) or "Permission denied" in str(error):
        return forbidden
    return NoEngine(f"no container engine answers at {address}", _START, _short(error))


def _short(error: BaseException) -> str:
    """Return the end of an error's text: the wrappers come first."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"… {text[-200:]}"  # noqa: PLR2004 - enough for a sentence


def reason_of(error: APIError) -> str:
    """Return the engine's message."""
    return str(error.explanation or error)


@contextlib.contextmanager
def explained(what: str, kind: type[DualstackError] = HarnessError) -> Iterator[None]:
    """Turn the SDK's errors inside the block into ours.

    Raises:
        DualstackError: Of ``kind``, when the engine refuses; ``what`` says what was tried.
        HarnessError: The engine cannot be reached.
    """
    try:
        yield
    except APIError as error:
        raise kind(f"{what}: {reason_of(error)}") from None
    except (DockerException, *CONNECTION_ERRORS) as error:
        raise HarnessError(f"{what}: the container engine does not answer any more ({_short(error)})") from None
