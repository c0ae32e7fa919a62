"""Kernel settings of a network namespace: written, and read back."""

import os
from collections.abc import Mapping

from dualstack.errors import HarnessError

UNLIMITED_ERRORS = {"ipv4/icmp_ratemask": "0", "ipv6/icmp/ratemask": "255"}
"""Disable ICMP rate limiting (for IPv6: limit only a type that does not exist), by path below /proc/sys/net.

By default a kernel sends only the first few ICMP errors within a second (RFC 4443 §2.4), and a UDP port that refuses
would look like one that is silent."""


def switch_settings() -> dict[str, str]:
    """Return the settings of the namespace of a link's switch: without IPv6 it sends nothing by itself."""
    return {"ipv6/conf/all/disable_ipv6": "1", "ipv6/conf/default/disable_ipv6": "1"}


def apply(settings: Mapping[str, str]) -> None:
    """Write settings, by path below /proc/sys/net, in the calling thread's network namespace; read each back.

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
