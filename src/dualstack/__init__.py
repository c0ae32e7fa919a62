"""dualstack proves that a network service works on IPv4-only, IPv6-only and dual-stack networks."""

from importlib.metadata import version

__version__ = version("dualstack")
