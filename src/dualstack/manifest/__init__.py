"""The manifest (``service.toml``): what a service is, how it is started, what it claims."""

from dualstack.manifest.acl import Acl
from dualstack.manifest.address_field import AddressField
from dualstack.manifest.advertises import Advertises
from dualstack.manifest.baseline import Accepted, joined, load_baseline
from dualstack.manifest.bind import Bind
from dualstack.manifest.component import Component
from dualstack.manifest.configuration import Configuration
from dualstack.manifest.connect import Connect
from dualstack.manifest.exemption import Exemption
from dualstack.manifest.fetch import Fetch, Refused
from dualstack.manifest.image import Image
from dualstack.manifest.known import Known
from dualstack.manifest.listen import Listen
from dualstack.manifest.load import load_manifest
from dualstack.manifest.models import Manifest
from dualstack.manifest.multicast import Multicast
from dualstack.manifest.ready import Ready
from dualstack.manifest.relay import Relay, Relaying
from dualstack.manifest.scope import Scope
from dualstack.manifest.service import Service
from dualstack.manifest.subject import Subject
from dualstack.manifest.subjects import subjects_of
from dualstack.manifest.timeouts import Timeouts
from dualstack.manifest.tls import ConnectTls, ListenTls

__all__ = [
    "Accepted",
    "Acl",
    "AddressField",
    "Advertises",
    "Bind",
    "Component",
    "Configuration",
    "Connect",
    "ConnectTls",
    "Exemption",
    "Fetch",
    "Image",
    "Known",
    "Listen",
    "ListenTls",
    "Manifest",
    "Multicast",
    "Ready",
    "Refused",
    "Relay",
    "Relaying",
    "Scope",
    "Service",
    "Subject",
    "Timeouts",
    "joined",
    "load_baseline",
    "load_manifest",
    "subjects_of",
]
