"""The kinds of labs that there are, by name: what `dualstack.lab.backends` makes."""

NETNS = "netns"
"""Linux namespaces; services run as programs of this machine."""

DOCKER = "docker"
"""Containers; services run as the images that they ship as."""

KINDS = (NETNS, DOCKER)
"""All of them, the default first."""
