"""What each host of a lab is made into: planned once, by the process that makes the lab, and carried out elsewhere.

The namespace of a host belongs to another process, in which pydantic's models of topologies need not be loaded: it gets
a `HostSetup`, whose values JSON can carry. Kernel settings are apart (`host_settings`): the two labs write different
ones for the interface on the link.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dualstack.families import BOTH, Family
from dualstack.lab.files import host_files
from dualstack.lab.functions import FUNCTIONS, functions_of, sites
from dualstack.lab.functions.function import Device, Site
from dualstack.lab.public_routes import public_routes
from dualstack.lab.sysctl import UNLIMITED_ERRORS

if TYPE_CHECKING:  # at run time, the supervisor of the labs imports this module and is better off without pydantic
    from dualstack.addressing import InterfacePlan, Plan
    from dualstack.topology import HostSpec, Topology

_OWN_ADDRESSES = "1"
"""An interface answers ARP requests only for its own addresses, not for those of other interfaces."""

_NO_LINK_LOCAL = "1"
"""IN6_ADDR_GEN_MODE_NONE."""


@dataclass(frozen=True, slots=True)
class InterfaceSetup:
    """What one interface of a host is made into.

    Attributes:
        link: The number of its link in the topology.
        mac: Its hardware address.
        mtu: Its MTU, in bytes.
        addresses: Address and prefix length of each address, in the order in which they are added.
        carries_ipv6: Whether its link carries IPv6; if not, IPv6 is disabled on it.
        link_local: Whether it has a link-local address.
        ipv6_addresses: How many IPv6 addresses it has in all.
    """

    link: int
    mac: str
    mtu: int
    addresses: tuple[tuple[str, int], ...]
    carries_ipv6: bool
    link_local: bool
    ipv6_addresses: int

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "InterfaceSetup":
        """Return the setup whose fields, by name, came as JSON."""
        return cls(**data | {"addresses": tuple(map(tuple, data["addresses"]))})


@dataclass(frozen=True, slots=True)
class HostSetup:
    """The interfaces, routes and files of a host.

    Attributes:
        name: The host's name.
        missing_loopbacks: Address and prefix length of each loopback address that it does not have.
        interfaces: Its interfaces: eth0, eth1 … Those on tunnels, which follow, are devices.
        devices: The devices of its functions.
        routes: Interface, address, next hop and MTU of each route: see `rtnl.add_route`.
        files: Its files, by name below /etc.
        functions: The names of its functions, each with the interfaces to which its filters apply.
    """

    name: str
    missing_loopbacks: tuple[tuple[str, int], ...]
    interfaces: tuple[InterfaceSetup, ...]
    devices: tuple[Device, ...]
    routes: tuple[tuple[str, str, str, int], ...]
    files: Mapping[str, str]
    functions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "HostSetup":
        """Return the setup whose fields, by name, came as JSON."""
        pairs = {name: tuple(map(tuple, data[name])) for name in ("missing_loopbacks", "routes")}
        devices = tuple(Device(**one | {"addresses": tuple(map(tuple, one["addresses"]))}) for one in data["devices"])
        interfaces = tuple(map(InterfaceSetup.from_json, data["interfaces"]))
        functions = {name: tuple(outside) for name, outside in data["functions"].items()}
        return cls(**data | pairs | {"interfaces": interfaces, "devices": devices, "functions": functions})


def host_setups(topology: "Topology", plan: "Plan") -> dict[str, HostSetup]:
    """Return the setup of each host of a topology, by name and in its order."""
    made = list(sites(topology, plan))
    devices = [(site.host, one) for site, function in made for one in function.devices(site)]
    routes = [route for site, function in made for route in function.routes(site)]
    return {
        name: _host_setup(
            name,
            spec,
            plan,
            devices=tuple(device for host, device in devices if host == name),
            routes=tuple((one.interface, one.address, one.via, 0) for one in routes if one.host == name),
            functions={one: tuple(FUNCTIONS[one].outside(Site(topology, plan, name))) for one in spec.functions},
        )
        for name, spec in topology.host.items()
    }


def _host_setup(
    name: str,
    spec: "HostSpec",
    plan: "Plan",
    *,
    devices: tuple[Device, ...],
    routes: tuple[tuple[str, str, str, int], ...],
    functions: Mapping[str, tuple[str, ...]],
) -> HostSetup:
    """Return the setup of one host; ``devices`` and ``routes`` are those of ``functions``."""
    own = ((f"eth{one.interface}", one.address, one.via, one.mtu) for one in plan.routes[name])
    missing = [] if spec.ipv4_loopback else [(Family.IPV4.loopback, 8)]
    if not spec.ipv6_loopback and not spec.disable_ipv6:  # disable_ipv6 takes ::1 away as well
        missing.append((Family.IPV6.loopback, 128))
    return HostSetup(
        name=name,
        missing_loopbacks=tuple(missing),
        interfaces=tuple(_interface_setup(own, spec, plan) for own in plan.hosts[name].interfaces if not own.over),
        devices=devices,
        routes=(*own, *routes, *public_routes(plan, name)),
        files=host_files(plan, name),
        functions=functions,
    )


def _interface_setup(own: "InterfacePlan", spec: "HostSpec", plan: "Plan") -> InterfaceSetup:
    """Return the setup of one interface."""
    carries_ipv6 = Family.IPV6 in own.carries
    link_local = spec.link_local and not spec.disable_ipv6 and carries_ipv6
    return InterfaceSetup(
        link=list(plan.links).index(own.link),
        mac=own.mac,
        mtu=own.mtu,
        addresses=tuple((item, plan.prefix_length(family)) for family in BOTH for item in own.configured[family]),
        carries_ipv6=carries_ipv6,
        link_local=link_local,
        ipv6_addresses=0 if spec.disable_ipv6 else len(own.configured[Family.IPV6]) + link_local,
    )


def host_settings(topology: "Topology", name: str, link: str) -> dict[str, str]:
    """Return the kernel settings of a host in either lab, by path below /proc/sys/net, in the order of writing.

    Args:
        topology: The topology.
        name: The host's name.
        link: The name of its interface on the link, or ``default`` before that exists.
    """
    spec = topology.host[name]
    settings = {key: value for function in functions_of(topology, name) for key, value in function.settings.items()}
    if any(host.via for host in topology.host.values()):
        settings |= _redirect_settings(link)
    if len(spec.attachments) > 1:  # the links of docker labs share one Ethernet
        settings |= {"ipv4/conf/all/arp_ignore": _OWN_ADDRESSES}
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


def _redirect_settings(link: str) -> dict[str, str]:
    """Return the settings of a host of a link on which a router separates hosts, by path below /proc/sys/net.

    The router is on the same link as the hosts that it separates, and would redirect each to the other (RFC 792,
    RFC 4861 §8). Linux cannot be kept from sending redirects over IPv6, but hosts need not accept them.

    Args:
        link: The link's interface, or ``default`` before it exists.
    """
    settings = {f"ipv4/conf/{scope}/send_redirects": "0" for scope in ("all", link)}
    return settings | {f"{ip}/conf/{scope}/accept_redirects": "0" for ip in ("ipv4", "ipv6") for scope in ("all", link)}
