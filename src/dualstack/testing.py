"""Everything that a test of your own imports: ``from dualstack.testing import Finding, ListenerWorld, Requirement``.

Names in `__all__` are public: they stay, or the changelog says how they changed. ``expect`` holds the predicates over
packets, for example ``expect.answered(wire, port, family)``. With ``pytest_plugins = ["dualstack.testing"]`` in a
``conftest.py`` this module brings the fixtures ``lab``, ``service``, ``prober``, ``wire``, ``names`` and ``world``;
``dualstack run`` does that itself.
"""

from dualstack.deadline import Deadline
from dualstack.errors import (
    BrokenLab,
    DeadlineExpired,
    HarnessError,
    HostCannot,
    Inconclusive,
    NothingToJudge,
    RequirementBroken,
    ServiceError,
    UsageError,
)
from dualstack.families import BOTH, Family, endpoint, unmapped
from dualstack.finding import Finding
from dualstack.lab.protocol import Host, Lab, Program
from dualstack.manifest import Connect, Listen, Subject
from dualstack.prober.client import NameServerHandle, Prober
from dualstack.prober.messages import Dial, Dialled, Exit, Hold, Log, Names, Outcome, Readiness, SocketRow
from dualstack.protocols.application import Trait
from dualstack.requirement import Level, Need, Requirement, Role
from dualstack.service import dial_to
from dualstack.topology import HostSpec, Topology, load_topology, topology_names
from dualstack.transport import AppProtocol, Transport
from dualstack.wire import expect
from dualstack.wire.capture import Capture
from dualstack.wire.evidence import CaptureData
from dualstack.wire.expect import Template
from dualstack.world import ConnectorWorld, ListenerWorld, RelayWorld, StartWorld, World
from dualstack.world.connecting import Run

__all__ = [
    "BOTH",
    "AppProtocol",
    "BrokenLab",
    "Capture",
    "CaptureData",
    "Connect",
    "ConnectorWorld",
    "Deadline",
    "DeadlineExpired",
    "Dial",
    "Dialled",
    "Exit",
    "Family",
    "Finding",
    "HarnessError",
    "Hold",
    "Host",
    "HostCannot",
    "HostSpec",
    "Inconclusive",
    "Lab",
    "Level",
    "Listen",
    "ListenerWorld",
    "Log",
    "NameServerHandle",
    "Names",
    "Need",
    "NothingToJudge",
    "Outcome",
    "Prober",
    "Program",
    "Readiness",
    "RelayWorld",
    "Requirement",
    "RequirementBroken",
    "Role",
    "Run",
    "ServiceError",
    "SocketRow",
    "StartWorld",
    "Subject",
    "Template",
    "Topology",
    "Trait",
    "Transport",
    "UsageError",
    "World",
    "dial_to",
    "endpoint",
    "expect",
    "load_topology",
    "topology_names",
    "unmapped",
]

pytest_plugins = [
    "dualstack.content.fixtures.lab",
    "dualstack.content.fixtures.names",
    "dualstack.content.fixtures.prober",
    "dualstack.content.fixtures.service",
    "dualstack.content.fixtures.wire",
    "dualstack.content.fixtures.world",
]
"""The modules of the fixtures; pytest reads this name."""
