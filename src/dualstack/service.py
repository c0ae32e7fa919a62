"""How a service, a reload or a connector is launched on a lab's host, from its manifest."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from dualstack.authority import client_tls, files_for
from dualstack.errors import HostCannot, UsageError
from dualstack.families import Family
from dualstack.manifest import Component, Connect, Listen, Subject
from dualstack.manifest.container import Container
from dualstack.manifest.texts import fill, filled
from dualstack.prober.messages import Await, Contained, Dial, Launch, Limits, Place
from dualstack.protocols.application import Upgrade
from dualstack.rootfs import find_root
from dualstack.transport import Transport
from dualstack.visible import visible_folders

SCRATCH = "/dev/shm/dualstack"  # noqa: S108 - a private tmpfs in the host's own mount namespace
"""The private folder of a start on a host; for several starts it is the prefix of their folders."""

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a program in a private root file system."""


def root_of(subject: Subject) -> str:
    """Return the private Debian root file system that the service needs; empty if it needs none.

    Raises:
        HostCannot: It has not been built yet.
    """
    packages = subject.manifest.service.packages
    if not packages:
        return ""
    root = find_root(packages)
    if root is None:
        raise HostCannot(
            f"{subject.name} needs a private Debian root file system with {', '.join(packages)}; "
            f"build it once: dualstack rootfs build {subject.path}"
        )
    return str(root)


def environment_of(root: str, scratch: str) -> dict[str, str]:
    """Return the environment variables of every program; of the user's own only PATH is kept."""
    path = ROOT_PATH if root else os.environ.get("PATH", os.defpath)
    return {"PATH": path, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}


def launch_service(
    subject: Subject,
    scratch: str,
    *,
    af_inet6: bool,
    settings: Mapping[str, str] | None = None,
    names: Sequence[str] = (),
    contained: bool = False,
    targets: Mapping[str, str] = MappingProxyType({}),
) -> Launch:
    """Return how the service is launched.

    Args:
        subject: The service.
        scratch: The private folder of this start, which is created on the host.
        af_inet6: Whether socket(AF_INET6) works for it.
        settings: Values that replace the manifest's defaults: ``web.bind``, ``web.acl``.
        names: The addresses and names that the lab's certificates are for.
        contained: Whether it runs in its container image.
        targets: The address or name of the server of each relay, by the relay's name.

    Raises:
        HostCannot: Its root file system has not been built.
        UsageError: It has no command for this backend.
    """
    if not contained and not subject.command:
        raise UsageError(f"{subject.path}:\n  service.command: missing; as an image it runs with --lab docker only")
    values = subject.values(scratch=scratch, settings=settings, contained=contained, targets=targets)
    command = subject.image_command if contained else subject.command or ()
    texts = (*command, *subject.environment.values(), *subject.files.values())
    launch = Launch(
        command=tuple(filled(command, values)),
        directory="",
        environment={key: fill(text, values) for key, text in subject.environment.items()},
        scratch=scratch,
        files={name: fill(text, values) for name, text in subject.files.items()}
        | files_for(texts, subject.listen, names),
        modes=dict(subject.file_modes),
        af_inet6=af_inet6,
        limits=limits_of(subject),
    )
    return _placed(launch, subject, contained=contained)


def launch_reload(subject: Subject, started: Launch, command: Sequence[str], *, contained: bool = False) -> Launch:
    """Return how the reload command of a service is launched.

    Args:
        subject: The service.
        started: How the service was launched; the command gets the same private folder and variables.
        command: The command, with its placeholders.
        contained: Whether it runs in its container image.
    """
    values = subject.values(scratch=started.scratch, contained=contained)
    return dataclasses.replace(started, command=tuple(filled(command, values)), files={}, modes={}, input="")


def launch_component(
    subject: Subject, component: Component, scratch: str, *, af_inet6: bool, contained: bool = False
) -> Launch:
    """Return how a component of a service is launched; see `launch_service`.

    Raises:
        HostCannot: The root file system, which it shares with the service, has not been built.
    """
    values = subject.component_values(component, scratch=scratch, contained=contained)
    launch = Launch(
        command=tuple(filled(component.command, values)),
        directory="",
        environment={key: fill(text, values) for key, text in component.environment.items()},
        scratch=scratch,
        files={name: fill(text, values) for name, text in component.files.items()},
        modes=component.file_modes,
        af_inet6=af_inet6,
        limits=limits_of(subject),
        component=component.name,
    )
    if contained and component.has_own_image:
        own = _contained(subject, component.container)
        directory = component.container.working_directory or ""
        return dataclasses.replace(launch, image=subject.image_of(component), directory=directory, contained=own)
    launch = _placed(launch, subject, contained=contained)
    return dataclasses.replace(launch, contained=Contained(own=False))


def _contained(subject: Subject, container: Container) -> Contained:
    """Return how a container differs from its image."""
    return Contained(
        entrypoint=tuple(container.entrypoint),
        arguments=tuple(container.arguments),
        user=container.user,
        health=tuple(container.health or ()),
        copies={inside: str(subject.directory / path) for inside, path in container.copies.items()},
    )


def _placed(launch: Launch, subject: Subject, *, contained: bool) -> Launch:
    """Return the launch with its file system: an image, a private root file system, or this machine's."""
    image = subject.image_table
    if contained and image is not None:
        return dataclasses.replace(
            launch,
            image=subject.image,
            directory=image.container.working_directory or subject.image_directory,
            contained=_contained(subject, image.container),
            read_only=image.read_only,
            tmpfs=tuple(image.tmpfs),
        )
    root = root_of(subject)
    environment = environment_of(root, launch.scratch) | launch.environment
    folders = visible_folders(subject.directory, subject.path, (*launch.command, *environment.values()))
    directory = str(subject.directory)
    return dataclasses.replace(launch, root=root, directory=directory, environment=environment, folders=folders)


def launch_connector(
    subject: Subject,
    connector: Connect,
    scratch: str,
    *,
    host: str,
    target: str,
    af_inet6: bool,
    places: Mapping[str, str] = MappingProxyType({}),
    source: str = "",
    contained: bool = False,
) -> Launch:
    """Return how a connector's command is launched.

    Args:
        subject: The service.
        connector: The connector.
        scratch: The private folder of this run, which is created on the host.
        host: The value of ``{host}``.
        target: The value of ``{target}``: the host with its port.
        af_inet6: Whether socket(AF_INET6) works for it.
        places: The values of ``{listen}`` and ``{nameserver}``.
        source: The value of ``{source}`` in its ``source_command``; empty for its ``command``.
        contained: Whether it runs in the service's container image.
    """
    values = {"host": host, "port": str(connector.port), "target": target, "source": source, **places}
    others = subject.values(scratch=scratch, contained=contained)
    values |= {key: text for key, text in others.items() if key not in values}
    own = {**subject.environment, **connector.environment}
    launch = Launch(
        command=tuple(filled((source and connector.source_command) or connector.command, values)),
        directory="",
        environment={key: fill(text, values) for key, text in own.items()},
        scratch=scratch,
        af_inet6=af_inet6,
        files={name: fill(text, values) for name, text in connector.files.items()}
        | files_for((*connector.texts, *own.values()), (), ()),
        modes=connector.file_modes,
        input=connector.input or "",
        limits=limits_of(subject),
    )
    return _placed(launch, subject, contained=contained)


def limits_of(subject: Subject) -> Limits:
    """Return the resource limits of the service's programs."""
    return Limits(**subject.manifest.limits.model_dump())


def readiness_of(subject: Subject, families: Sequence[Family] = ()) -> Await:
    """Return the condition under which the service is ready.

    Args:
        subject: The service.
        families: The families that its ports should serve, as far as it claims them; the wait for the second one, and
            for the other ports, has a limit.
    """
    ready = subject.manifest.ready
    first, *others = subject.listen if subject.listen and ready.listening else (None,)
    return Await(
        port=first.port if first else 0,
        transport=first.transport if first else Transport.TCP,
        log=ready.log,
        timeout=subject.manifest.timeouts.ready,
        families=tuple(families),
        others=tuple(
            Place(item.port, item.transport, tuple(family for family in families if family in item.families))
            for item in others
            if item is not None and families
        ),
    )


def readiness_of_component(subject: Subject, component: Component) -> Await:
    """Return the condition under which a component is ready."""
    port, timeout = component.port or 0, subject.manifest.timeouts.ready
    return Await(port=port, transport=Transport.TCP, log=component.ready_log, timeout=timeout)


def dial_to(listener: Listen, address: str, timeout: float = 5.0) -> Dial:
    """Return one exchange with a listener at an address, as its manifest describes it."""
    return Dial(
        family=Family.of(address),
        address=address,
        port=listener.port,
        transport=listener.transport,
        protocol=listener.protocol,
        send=listener.send,
        expect=listener.expect,
        call=listener.call or "",
        timeout=timeout,
        status=tuple(str(item) for item in listener.status),
        path=listener.path,
        any_port=listener.reply_port == "any",
        tls=client_tls(listener, address),
        upgrade=listener.websocket.upgrade if listener.websocket else Upgrade(),
        proxy=next(iter(listener.proxy.versions), "") if listener.proxy else "",
        tunnel=listener.tunnel,
    )
