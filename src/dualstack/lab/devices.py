"""The devices of a host whose packets a daemon carries: how the kernel makes them; see `functions.function.Device`."""

from dualstack.lab.attributes import attribute, integer, text
from dualstack.lab.functions.function import Device
from dualstack.lab.rtnl import (
    CREATE,
    EXCLUSIVE,
    IFF_UP,
    IFLA_IFNAME,
    IFLA_LINKINFO,
    IFLA_MTU,
    INFO_DATA,
    INFO_KIND,
    NEW_LINK,
    VETH_PEER,
    Step,
    add_address,
    link_body,
    no_link_local,
)

_IFF_NOARP = 0x80


def add_device(device: Device, index: int) -> list[Step]:
    """Return the steps that make a device and bring it up: no ARP, no neighbour discovery, no link-local address.

    Args:
        device: The device.
        index: The number of its near end; the far end gets the next one.
    """
    far = link_body(index + 1, 0, text(IFLA_IFNAME, device.far), integer(IFLA_MTU, device.mtu))
    info = text(INFO_KIND, "veth") + attribute(INFO_DATA, attribute(VETH_PEER, far))
    own = (text(IFLA_IFNAME, device.name), integer(IFLA_MTU, device.mtu), attribute(IFLA_LINKINFO, info))
    ends = (index + 1, index)
    return [
        Step(f"add {device.name}", NEW_LINK, CREATE | EXCLUSIVE, link_body(index, 0, *own)),
        *map(no_link_local, ends),
        *(add_address(index, address, length) for address, length in device.addresses),
        *(Step(f"bring {device.name} up", NEW_LINK, 0, link_body(end, IFF_UP | _IFF_NOARP)) for end in ends),
    ]
