"""The hosts of a lab, which are also found by the usual names of their roles."""

from collections.abc import Mapping
from typing import TypeVar

from dualstack.topology import Topology

Host = TypeVar("Host")


class ByRole(dict[str, Host]):
    """Hosts by name. ``service`` and ``peer`` also find the hosts with the roles of service and client."""

    def __init__(self, hosts: Mapping[str, Host], topology: Topology) -> None:
        """Take the hosts of a topology over, in its order."""
        super().__init__(hosts)
        self._roles = {"service": topology.roles.service, "peer": topology.roles.client}

    def __missing__(self, name: str) -> Host:
        """Return the host of a role.

        Raises:
            KeyError: There is neither a host nor a role of that name.
        """
        if self._roles.get(name, name) == name:
            raise KeyError(name)
        return self[self._roles[name]]
