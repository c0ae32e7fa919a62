"""The hosts of a lab, which are also found by the usual names of their roles."""

from collections.abc import Mapping
from typing import TypeVar

from dualstack.topology import Topology

Host = TypeVar("Host")


class ByRole(dict[str, Host]):
    """Hosts by name. ``service``, ``peer``, ``server`` and ``resolver`` also find the hosts with these roles.

    Where no host has the role of the server or the resolver, it is the clients' host.
    """

    def __init__(self, hosts: Mapping[str, Host], topology: Topology) -> None:
        """Take the hosts of a topology over, in its order."""
        super().__init__(hosts)
        roles = topology.roles
        self._roles = {
            "service": roles.service,
            "peer": roles.client,
            "server": roles.server or roles.client,
            "resolver": roles.resolver or roles.client,
        }

    def __missing__(self, name: str) -> Host:
        """Return the host of a role.

        Raises:
            KeyError: There is neither a host nor a role of that name.
        """
        if self._roles.get(name, name) == name:
            raise KeyError(name)
        return self[self._roles[name]]
