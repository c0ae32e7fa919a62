"""The hosts of a lab, which are also found by the usual names of their roles."""

from collections.abc import Mapping
from typing import TypeVar

from dualstack.topology import Topology

Host = TypeVar("Host")


class ByRole(dict[str, Host]):
    """Hosts by name. ``service``, ``peer`` (the clients' host) and ``resolver`` find the hosts of these roles too."""

    def __init__(self, hosts: Mapping[str, Host], topology: Topology) -> None:
        """Take the hosts of a topology over, in its order."""
        super().__init__(hosts)
        roles = topology.roles
        self._roles = {"service": roles.service, "peer": roles.client, "resolver": roles.resolver or roles.client}

    def __missing__(self, name: str) -> Host:
        """Return the host of a role.

        Raises:
            KeyError: There is neither a host nor a role of that name.
        """
        if self._roles.get(name, name) == name:
            raise KeyError(name)
        return self[self._roles[name]]
