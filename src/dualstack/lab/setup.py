"""What each host of a lab is made into: planned once, by the process that makes the lab, and carried out elsewhere.

The namespace of a host belongs to another process, in which pydantic's models of topologies need not be loaded: it gets
a `HostSetup`, whose values JSON can carry. Kernel settings are apart (`host_settings`): the two labs write different
ones for the interface on the link.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dualstack.families import BOTH, Family
from dualstack.lab.files import host_files
from dualstack.lab.sysctl import UNLIMITED_ERRORS

if TYPE_CHECKING:  # at run time, the supervisor of the labs imports this module and is better off without pydantic
    from dualstack.addressing import Plan
    from dualstack.topology import HostSpec, Topology

_NO_LINK_LOCAL = "1"
"""IN6_ADDR_GEN_MODE_NONE."""


@dataclass(frozen=True, slots=True)
class HostSetup:
    """The addresses, routes and files of a host.

    Attributes:
        name: The host's name.
        mac: The hardware address of its interface on the link.
        missing_loopbacks: Address and prefix length of each loopback address that it does not have.
        addresses: Address and prefix length of each address on the link, in the order in which they are added.
        routes: Address, next hop and MTU of each route: see `rtnl.add_route`.
        link_local: Whether its interface on the link has a link-local address.
        ipv6_addresses: How many IPv6 addresses that interface has in all.
        files: Its files, by name below /etc.
    """

    name: str
    mac: str
    missing_loopbacks: tuple[tuple[str, int], ...]
    addresses: tuple[tuple[str, int], ...]
    routes: tuple[tuple[str, str, int], ...]
    link_local: bool
    ipv6_addresses: int
    files: Mapping[str, str]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "HostSetup":
        """Return the setup whose fields, by name, came as JSON."""
        return cls(
            **data | {name: tuple(map(tuple, data[name])) for name in ("missing_loopbacks", "addresses", "routes")}
        )


def host_setups(topology: "Topology", plan: "Plan") -> dict[str, HostSetup]:
    """Return the setup of each host of a topology, by name and in its order."""
    return {name: _host_setup(name, spec, plan) for name, spec in topology.host.items()}


def _host_setup(name: str, spec: "HostSpec", plan: "Plan") -> HostSetup:
    """Return the setup of one host."""
    own = plan.hosts[name]
    missing = [] if spec.ipv4_loopback else [(Family.IPV4.loopback, 8)]
    if not spec.ipv6_loopback and not spec.disable_ipv6:  # disable_ipv6 takes ::1 away as well
        missing.append((Family.IPV6.loopback, 128))
    return HostSetup(
        name=name,
        mac=own.mac,
        missing_loopbacks=tuple(missing),
        addresses=tuple((item, plan.prefix_length(family)) for family in BOTH for item in own.configured[family]),
        routes=tuple((route.address, route.via, route.mtu) for route in plan.routes[name]),
        link_local=spec.link_local and not spec.disable_ipv6,
        ipv6_addresses=0 if spec.disable_ipv6 else spec.ipv6 + spec.link_local,
        files=host_files(plan, name),
    )


def host_settings(topology: "Topology", name: str, link: str) -> dict[str, str]:
    """Return the kernel settings of a host in either lab, by path below /proc/sys/net, in the order of writing.

    Args:
        topology: The topology.
        name: The host's name.
        link: The name of its interface on the link, or ``default`` before that exists.
    """
    spec, routers = topology.host[name], topology.routers
    settings = _routing_settings(link, forwards=name in routers) if routers else {}
    settings |= {"ipv4/ip_unprivileged_port_start": "0", **UNLIMITED_ERRORS}
    settings |= {"ipv6/bindv6only": str(int(spec.bindv6only))}
    if spec.disable_ipv6:
        settings |= {f"ipv6/conf/{scope}/disable_ipv6": "1" for scope in ("all", "default", "lo")}
    return settings


def quiet_link(link: str) -> dict[str, str]:
    """Return the settings with which an interface uses its addresses at once, and takes none from routers."""
    return {f"ipv6/conf/{link}/{name}": "0" for name in ("accept_dad", "accept_ra", "router_solicitations")}


def namespace_settings(topology: "Topology", name: str) -> dict[str, str]:
    """Return the settings of a host's new namespace, whose link does not exist yet: it will start with ``default``."""
    settings = host_settings(topology, name, "default") | {"ipv6/conf/all/accept_dad": "0"} | quiet_link("default")
    if not topology.host[name].link_local:
        settings["ipv6/conf/default/addr_gen_mode"] = _NO_LINK_LOCAL
    return settings


def _routing_settings(link: str, *, forwards: bool) -> dict[str, str]:
    """Return the settings of a host of a lab with a router, by path below /proc/sys/net.

    The router is on the same link as the hosts that it separates, and would redirect each to the other (RFC 792,
    RFC 4861 §8). Linux cannot be kept from sending redirects over IPv6, but hosts need not accept them.

    Args:
        link: The link's interface, or ``default`` before it exists.
        forwards: Whether the host is the router.
    """
    settings = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"} if forwards else {}
    settings |= {f"ipv4/conf/{scope}/send_redirects": "0" for scope in ("all", link)}
    return settings | {f"{ip}/conf/{scope}/accept_redirects": "0" for ip in ("ipv4", "ipv6") for scope in ("all", link)}
