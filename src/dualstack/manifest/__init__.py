"""The manifest (``service.toml``): what a service is, how it is started, what it claims."""

from dualstack.manifest.fetch import Fetch, Refused
from dualstack.manifest.load import load_manifest
from dualstack.manifest.models import (
    Bind,
    Configuration,
    Connect,
    Exemption,
    Known,
    Listen,
    Manifest,
    Protocol,
    Reach,
    Ready,
    Service,
    Timeouts,
    Transport,
)
from dualstack.manifest.multicast import Multicast
from dualstack.manifest.subject import Subject, subjects_of

__all__ = [
    "Bind",
    "Configuration",
    "Connect",
    "Exemption",
    "Fetch",
    "Known",
    "Listen",
    "Manifest",
    "Multicast",
    "Protocol",
    "Reach",
    "Ready",
    "Refused",
    "Service",
    "Subject",
    "Timeouts",
    "Transport",
    "load_manifest",
    "subjects_of",
]
