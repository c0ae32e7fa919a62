"""The names of the lab backends that `dualstack.lab.backends` makes."""

NETNS = "netns"
"""Linux namespaces; services run as programs of this machine."""

DOCKER = "docker"
"""Containers; services run from their container images."""

BACKENDS = (NETNS, DOCKER)
"""All backends; the first one is the default."""
