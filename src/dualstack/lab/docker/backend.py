"""The docker backend: labs of containers, on whatever engine DOCKER_HOST names."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from dualstack.addressing import plan_addresses
from dualstack.errors import BrokenLab, DualstackError, HarnessError
from dualstack.lab.daemons import WithDaemons
from dualstack.lab.docker import containers
from dualstack.lab.docker.engine import Engine, connect
from dualstack.lab.docker.host import DockerHost
from dualstack.lab.docker.images import assemble, build_folder, inspect, named_image
from dualstack.lab.docker.labels import Owner, of_owner, remove_network, sweep
from dualstack.lab.docker.networks import LabNetwork, make_network
from dualstack.lab.docker.own_image import prober_image
from dualstack.lab.protocol import Host
from dualstack.lab.roles import ByRole
from dualstack.lab.setup import host_setups
from dualstack.manifest import Image
from dualstack.topology import Topology

_THREADS = 8

_MOST_IDLE = 8
"""How many labs are kept for later cases."""

_TRY_INET6 = """\
import socket, sys
try:
    socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
except OSError as error:
    sys.exit(error.errno)
"""

_EAFNOSUPPORT = 97


class DockerLab(WithDaemons):
    """A topology made of containers: its `network`, and its hosts as this backend knows them (`members`)."""

    def __init__(
        self, backend: "DockerBackend", topology: Topology, network: LabNetwork, labels: Mapping[str, str]
    ) -> None:
        """Describe it; only its network exists yet."""
        self.topology = topology
        self.plan = plan_addresses(topology, *network.of_first_link)
        self.members = {
            name: DockerHost(
                backend.engine, topology, self.plan.hosts[name], setup, labels=labels, later=backend.threads
            )
            for name, setup in host_setups(topology, self.plan).items()
        }
        self.hosts: Mapping[str, Host] = ByRole(self.members, topology)
        self._backend = backend
        self.network = network
        self._labels = labels
        self._open = True

    def up(self, image: str) -> None:
        """Start its hosts, all at the same time.

        Raises:
            DualstackError: One of them did not start; none is left then.
        """
        starting = [self._backend.threads.submit(self._start, host, image) for host in self.members.values()]
        errors = [error for error in (item.exception() for item in starting) if error is not None]
        if errors:
            self.remove()
            raise errors[0]
        for host in self.members.values():
            host.preload()

    def _start(self, host: DockerHost, image: str) -> None:
        """Start one host, and prove what only a separate container can prove."""
        host.up(image, self.network, self.plan)
        if not host.spec.af_inet6:
            self._prove_no_inet6(host, image)

    def _prove_no_inet6(self, host: DockerHost, image: str) -> None:
        """Prove that socket(AF_INET6) fails under the profile that the service's container will have.

        Raises:
            BrokenLab: It succeeds, or fails with another error.
        """
        plan = containers.Plan(
            image=image,
            command=["python3", "-I", "-S", "-c", _TRY_INET6],
            labels=self._labels,
            host=containers.member_host(host.pause, af_inet6=False),
        )
        code = containers.run(self._backend.engine, plan, "the seccomp profile without AF_INET6 cannot be tried")
        if code != _EAFNOSUPPORT:
            raise BrokenLab(
                f"lab proof 'no-af-inet6' failed on host {host.name!r} of {self.topology.name}: expected errno "
                f"{_EAFNOSUPPORT} (EAFNOSUPPORT) under the service's seccomp profile, found {code or 'a socket'}"
            )

    def close(self) -> None:
        """Give the lab back: in the background it is reset for the next case of its topology, or removed."""
        if self._open:
            self._open = False
            self.end_daemons()
            self._backend.take_back(self)

    def open(self) -> Self:
        """Open it again; its hosts were recycled."""
        self._open = True
        return self

    @property
    def alive(self) -> bool:
        """Whether its host supervisors still run."""
        return all(host.alive for host in self.members.values())

    def recycle(self) -> str:
        """End everything inside; return why it differs from a new lab, or nothing."""
        if self.topology.routers or any(spec.functions for spec in self.topology.host.values()):
            return "its hosts keep path MTUs for minutes"
        return "; ".join(f"{name}: {why}" for name, host in self.members.items() if (why := host.recycle()))

    def remove(self) -> None:
        """Remove its containers, then the network that they were on.

        Raises:
            HarnessError: The engine refuses.
        """
        self._open = False
        # Not the backend's threads: this may run in one of them, and a pool must not wait for itself.
        with ThreadPoolExecutor(len(self.members)) as threads:
            list(threads.map(_end, self.members.values()))
        remove_network(self._backend.engine, self.network.identity)


def _end(host: DockerHost) -> None:
    """End a host and remove its containers."""
    host.release()
    host.remove()


class DockerBackend:
    """Makes labs on a container engine, to which it connects with the first one."""

    name = "docker"

    def __init__(self, run: str = "", worker: str = "", *, reuse: bool = True, address: str = "") -> None:
        """Connect to nothing yet.

        Args:
            run: The run's id; made up without one.
            worker: Which of the run's processes this is.
            reuse: Whether a lab that was reset after a case may serve another.
            address: The engine's; without one, that of the environment.
        """
        self._address = address
        self._owner = Owner(run or f"none-{secrets.token_hex(4)}", worker or f"pid-{os.getpid()}")
        self._engine: Engine | None = None
        self._image = ""
        self._threads: ThreadPoolExecutor | None = None
        self._removals: list[Future[Any]] = []
        self._recycling: list[Future[DockerLab | None]] = []
        self._idle: list[DockerLab] = []
        self._reuse = reuse

    @property
    def engine(self) -> Engine:
        """The engine.

        Raises:
            HostCannot: There is none, or it may not be used.
        """
        if self._engine is None:
            self._engine = connect(self._address)
        return self._engine

    @property
    def threads(self) -> ThreadPoolExecutor:
        """The threads for work that is done in parallel."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker lab")
        return self._threads

    def prepare(self) -> str:
        """Remove what dead runs have left, and build the prober's image unless it exists; return its name.

        Raises:
            HostCannot: There is no engine, or no base image for the prober's.
        """
        if not self._image:
            sweep(self.engine)
            self._image = prober_image(self.engine)
        return self._image

    def provide(self, image: Image, reference: str, directory: Path, where: str) -> str:
        """Pull, build or assemble the image of a manifest's ``[image]`` table; return its id.

        Args:
            image: The table.
            reference: The image's name.
            directory: The folder to which the table's paths are relative.
            where: The manifest, for messages.

        Raises:
            UsageError: It does not exist, or cannot be built.
        """
        if image.build is not None:
            build_folder(self.engine, (image.build, image.dockerfile), directory, reference, f"{where}:\n  image")
        elif image.base is not None:
            assemble(self.engine, image.base, directory, image.binary, tag=reference, key=f"{where}:\n  image")
        else:
            named_image(self.engine, reference, f"{where}:\n  image.name")
        return str(inspect(self.engine, reference)["Id"])

    def up(self, topology: Topology) -> DockerLab:
        """Make a lab and wait until its link carries packets; nothing is proved yet.

        Raises:
            HostCannot: This machine cannot; the message says what it lacks.
            HarnessError: It should, but something failed.
        """
        image = self.prepare()
        while (lab := self._idle_lab(topology)) is not None:
            if lab.alive:
                return lab.open().with_daemons()
            self._removals.append(self.threads.submit(lab.remove))
        labels = self._owner.labels()
        name = f"dualstack-{self._owner.run}-{secrets.token_hex(4)}"
        network = make_network(self.engine, topology, name, labels)
        lab = DockerLab(self, topology, network, labels)
        lab.up(image)
        return lab.with_daemons()

    def _idle_lab(self, topology: Topology) -> DockerLab | None:
        """Return a lab of the same topology that was given back and reset; None if there is none."""
        self._collect([work for work in self._recycling if work.done()])
        found = next((lab for lab in self._idle if lab.topology == topology), None)
        if found is not None:
            self._idle.remove(found)
        while len(self._idle) > _MOST_IDLE:
            self._removals.append(self.threads.submit(self._idle.pop(0).remove))
        return found

    def _collect(self, works: list[Future[DockerLab | None]]) -> None:
        """Collect the results of resetting labs."""
        for work in works:
            self._recycling.remove(work)
            if work.exception() is not None:
                self._removals.append(work)
            elif (lab := work.result()) is not None:
                self._idle.append(lab)

    def settle_idle(self) -> DockerLab | None:
        """Wait until every lab that was given back is reset or removed; return the last that is kept, if any."""
        self._collect([*self._recycling])
        return self._idle[-1] if self._idle else None

    def forget_idle(self) -> None:
        """Remove every lab that is kept for later cases."""
        self.settle_idle()
        idle, self._idle = self._idle, []
        self._removals += [self.threads.submit(lab.remove) for lab in idle]

    def take_back(self, lab: DockerLab) -> None:
        """Reset or remove a lab in the background."""
        self._removals = [item for item in self._removals if not item.done() or item.exception() is not None]
        # One thread for all of a lab: the pool must not wait for itself.
        self._recycling.append(self.threads.submit(self._recycle, lab))

    def _recycle(self, lab: DockerLab) -> DockerLab | None:
        """Return the lab if it could be reset; otherwise remove it."""
        with contextlib.suppress(DualstackError):  # a host has ended: the lab cannot be used again
            if self._reuse and not lab.recycle():
                return lab
        lab.remove()
        return None

    def close(self) -> None:
        """Remove everything that the backend made, and return when it is gone.

        Raises:
            HarnessError: Something could not be removed.
        """
        self.forget_idle()
        works, self._removals = self._removals, []
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True)
        faults = [str(error) for error in (item.exception() for item in works) if error is not None]
        if faults:
            raise HarnessError("; ".join(faults))

    def leftovers(self) -> list[str]:
        """Return what is left of everything it made, one line each; expected to be empty after `close`."""
        return of_owner(self._engine, self._owner) if self._engine is not None else []
