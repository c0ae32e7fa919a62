"""The kernel settings of a host, written and read back."""

import os

from dualstack.errors import HarnessError
from dualstack.topology import HostSpec

_NO_LINK_LOCAL = "1"
"""IN6_ADDR_GEN_MODE_NONE."""


UNLIMITED_ERRORS = {"net.ipv4.icmp_ratemask": "0", "net.ipv6.icmp.ratemask": "255"}
"""The settings, by name, with which a kernel sends every ICMP error that is due: no type is limited, or one alone that
does not exist. By itself it keeps back what comes after the first few within a second (RFC 4443 §2.4), and a UDP port
that refuses would look like one that is silent."""
DETECT_DUPLICATES = {"ipv6/conf/all/accept_dad": "1"}
"""What has every address that is added from now on checked (RFC 4862 §5.4), unless its adder says otherwise."""


def ipv6_settings(*, enabled: bool) -> dict[str, str]:
    """Return what switches IPv6 off or on at run time; off takes every IPv6 address from every interface.

    Switched on again, a host has its loopback and link-local addresses back and no other.
    """
    return {"ipv6/conf/all/disable_ipv6": str(int(not enabled))}


def router_settings(interface: str, *, prefer_temporary: bool) -> dict[str, str]:
    """Return what makes a host believe router advertisements on a link, as hosts do unless they are told not to.

    Of an advertised prefix it then makes itself an address, and beside it a temporary one (RFC 8981 §3), each checked
    for duplicates. Towards others it prefers temporary addresses, as RFC 6724 §5 rule 7 has it, or public ones.
    """
    return DETECT_DUPLICATES | {
        f"ipv6/conf/{interface}/use_tempaddr": "2" if prefer_temporary else "1",
        f"ipv6/conf/{interface}/accept_ra": "1",
    }


def routing_settings(link: str, *, forwards: bool) -> dict[str, str]:
    """Return the settings of a host whose packets a router passes on, by path below /proc/sys/net, in their order.

    Nobody learns a way around the router: it is on the same link as those between whom it is, and would tell them of
    each other (RFC 792, RFC 4861 §8). Linux cannot be kept from saying so over IPv6, but hosts need not listen.

    Args:
        link: The link's interface, or ``default`` before it exists.
        forwards: Whether the host is the router.
    """
    settings = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"} if forwards else {}
    settings |= {f"ipv4/conf/{scope}/send_redirects": "0" for scope in ("all", link)}
    return settings | {f"{ip}/conf/{scope}/accept_redirects": "0" for ip in ("ipv4", "ipv6") for scope in ("all", link)}


def host_settings(spec: HostSpec, routing: dict[str, str] | None = None) -> dict[str, str]:
    """Return the settings of a host, by path below /proc/sys/net, in the order in which they must be written.

    They belong to a namespace whose link does not exist yet: ``default`` is what the link will start with.

    Args:
        spec: What it has.
        routing: Its `routing_settings` where there is a router.
    """
    settings = {
        **(routing or {}),
        "ipv4/ip_unprivileged_port_start": "0",
        **{name.replace(".", "/").removeprefix("net/"): value for name, value in UNLIMITED_ERRORS.items()},
        "ipv6/bindv6only": str(int(spec.bindv6only)),
        "ipv6/conf/all/accept_dad": "0",
        "ipv6/conf/default/accept_dad": "0",
        "ipv6/conf/default/accept_ra": "0",
        "ipv6/conf/default/router_solicitations": "0",
    }
    if not spec.link_local:
        settings["ipv6/conf/default/addr_gen_mode"] = _NO_LINK_LOCAL
    if spec.disable_ipv6:
        settings |= {f"ipv6/conf/{scope}/disable_ipv6": "1" for scope in ("all", "default", "lo")}
    return settings


def switch_settings() -> dict[str, str]:
    """Return the settings of a link's switch: it says nothing by itself."""
    return {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}


def apply(settings: dict[str, str]) -> None:
    """Write settings in the calling thread's network namespace and read each back.

    Raises:
        HarnessError: A setting cannot be written, or reads back as something else.
    """
    for name, value in settings.items():
        try:
            descriptor = os.open(f"/proc/sys/net/{name}", os.O_RDWR)
        except OSError as error:
            raise HarnessError(f"net/{name}: cannot be written: {error.strerror}") from None
        try:
            os.write(descriptor, value.encode())
            found = os.pread(descriptor, 32, 0).decode().strip()
        except OSError as error:
            raise HarnessError(f"net/{name} = {value}: {error.strerror}") from None
        finally:
            os.close(descriptor)
        if found != value:
            raise HarnessError(f"net/{name}: wrote {value}, reads back {found}")
