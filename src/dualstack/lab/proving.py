"""Gather what the kernels of a lab report, and run the lab's proofs on it."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Self

from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family
from dualstack.lab.facts import Facts
from dualstack.lab.observation import HostObservation
from dualstack.lab.path_probe import Crossing, ProbedPath
from dualstack.lab.proofs import judge, planned_proofs
from dualstack.lab.protocol import Lab
from dualstack.topology import LINK_MTU, hosts_across

_ENTRY = "dualstack.lab.facts:serve"

_ANSWER_TIMEOUT = 10.0
"""Seconds for one answer of a host."""

_OUTSIDE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8:ffff::1"}
"""Addresses outside of every lab, whose routes are looked up (RFC 5737, RFC 3849)."""


def prove(lab: Lab) -> list[str]:
    """Show that a lab is what its topology claims; return what was proved: ``host: proof``.

    Raises:
        BrokenLab: A proof failed; the message names proof, host, what was expected and what was found.
        UsageError: As `planned_proofs`.
        HarnessError: A host did not answer.
    """
    planned_proofs(lab.topology)
    return judge(lab.topology, observe(lab))


def observe(lab: Lab) -> dict[str, HostObservation]:
    """Return what is known of each host of a lab.

    Raises:
        HarnessError: A host did not answer.
    """
    with ExitStack() as stack:
        witnesses = {name: stack.enter_context(_Witness(name, host.inside(_ENTRY))) for name, host in lab.hosts.items()}
        return _question(lab, witnesses)


def _question(lab: Lab, witnesses: Mapping[str, "_Witness"]) -> dict[str, HostObservation]:
    """Ask every host what its kernel reports, then let each dial all others."""
    own = {name: [a for family in BOTH for a in host.plan.every(family)] for name, host in lab.hosts.items()}
    for name, witness in witnesses.items():
        look = {"confined": not lab.hosts[name].spec.af_inet6, "listen": own[name], "watch": _watched(lab, name)}
        witness.ask({"do": "look", **look})
    looks = {name: witness.answer() for name, witness in witnesses.items()}
    listeners = {name: list(zip(own[name], look["ports"], strict=True)) for name, look in looks.items()}
    dialled: dict[str, list[tuple[str, str, int]]] = {}
    for name, witness in witnesses.items():
        families = lab.topology.families(name)
        others = [(o, *pair) for o, pairs in listeners.items() for pair in pairs if o != name]
        dialled[name] = [(other, address, port) for other, address, port in others if Family.of(address) in families]
        targets = [(address, port) for _, address, port in dialled[name]]
        witness.ask({"do": "dial", "targets": targets, "routes": _elsewhere(lab, name)})
    reached: dict[str, dict[str, str]] = {name: {} for name in witnesses}
    routes: dict[str, dict[str, str]] = {}
    for name, witness in witnesses.items():
        answer = witness.answer()
        routes[name] = dict(zip(_elsewhere(lab, name), answer["routes"], strict=True))
        for (other, address, _), outcome in zip(dialled[name], answer["targets"], strict=True):
            reached[other][address] = reached[other].get(address, "") or outcome
    paths, crossings = _probe(lab, witnesses), _cross(lab, witnesses)
    frames = {name: _frames(witness) for name, witness in witnesses.items() if _watched(lab, name)}
    return {
        name: HostObservation(
            host.spec,
            host.plan,
            Facts.from_json(looks[name]["facts"]),
            reached[name],
            routes[name],
            tuple(item for item in paths if name in (item.source, lab.plan.owner(item.target))),
            _router_of(lab, name),
            tuple(item for item in crossings if name in (item.source, lab.plan.owner(item.target))),
            frames.get(name, {}),
        )
        for name, host in lab.hosts.items()
    }


def _probe(lab: Lab, witnesses: Mapping[str, "_Witness"]) -> list[ProbedPath]:
    """Probe every path that crosses a router, from every host."""
    targets = {name: found for name in witnesses if (found := list(_across(lab, name)))}
    for name, pairs in targets.items():
        witnesses[name].ask({"do": "probe", "targets": pairs, "largest": LINK_MTU})
    return [
        ProbedPath(name, target, *found)
        for name, pairs in targets.items()
        for (target, _), found in zip(pairs, witnesses[name].answer()["paths"], strict=True)
    ]


def _across(lab: Lab, name: str) -> Iterator[tuple[str, str]]:
    """Yield an address of each host beyond a router, and the address to which packets too large for it are sent.

    Kernels store the path MTU of an address, and a case must start without it: no host has that second address.
    """
    specs = lab.topology.host
    for other in specs:
        router = specs[other].via or specs[name].via
        for family in BOTH if router and router not in (name, other) and name != other else ():
            plan = lab.plan.hosts[other]
            if lab.plan.hosts[name].configured[family] and plan.configured[family]:
                narrow = specs[other].mtu < LINK_MTU
                yield plan.configured[family][0], plan.planned[family][-1] if narrow else plan.configured[family][0]


def _watched(lab: Lab, name: str) -> list[str]:
    """Return the interfaces of a host on links that do not carry both families."""
    own = enumerate(lab.hosts[name].plan.interfaces)
    return [f"eth{place}" for place, interface in own if len(interface.carries) < len(BOTH)]


def _frames(witness: "_Witness") -> dict[str, dict[str, int]]:
    """Return what a host has seen on the interfaces that it watches."""
    witness.ask({"do": "count"})
    frames: dict[str, dict[str, int]] = witness.answer()["frames"]
    return frames


def _cross(lab: Lab, witnesses: Mapping[str, "_Witness"]) -> list[Crossing]:
    """Probe every path between hosts on different links, from every host."""
    found = []
    for name, witness in witnesses.items():
        pairs = list(_far(lab, name))
        if pairs:
            witness.ask({"do": "cross", "targets": [(target, hops) for target, hops, _ in pairs]})
            answers = witness.answer()["crossings"]
            found += [
                Crossing(name, target, expected, hops, *answer)
                for (target, hops, expected), answer in zip(pairs, answers, strict=True)
            ]
    return found


def _far(lab: Lab, name: str) -> Iterator[tuple[str, int, frozenset[str]]]:
    """Yield an address of each host on another link, the hop limit that it needs, and the first hop's addresses."""
    for family in BOTH:
        for other, link, hop in hosts_across(lab.topology, name, family):
            target = _on(lab, other, link)[family][0]
            yield target, hop.routers + 1, frozenset(_on(lab, hop.router, hop.link)[family])


def _on(lab: Lab, host: str, link: str) -> Mapping[Family, tuple[str, ...]]:
    """Return the addresses of a host on a link, by family."""
    return next(one.configured for one in lab.plan.hosts[host].interfaces if one.link == link)


def _router_of(lab: Lab, name: str) -> frozenset[str]:
    """Return the addresses of the router on its link that routes a host's packets; none without a router."""
    router = lab.topology.host[name].via
    return frozenset(a for family in BOTH for a in lab.plan.hosts[router].configured[family]) if router else frozenset()


def _elsewhere(lab: Lab, name: str) -> list[str]:
    """Return addresses of the families that a host does not have: those of the others, and one outside."""
    spec = lab.hosts[name].spec
    lacking = [family for family in BOTH if not spec.addresses(family)]
    others = [host.plan.planned[family][0] for family in lacking for other, host in lab.hosts.items() if other != name]
    return others + [_OUTSIDE[family] for family in lacking]


class _Witness:
    """A process in a host that answers questions; see `facts`."""

    def __init__(self, name: str, stream: socket.socket) -> None:
        """Take over the stream to it."""
        self._name = name
        self._stream = stream
        self._stream.settimeout(_ANSWER_TIMEOUT)
        self._answers = stream.makefile("rb")

    def __enter__(self) -> Self:
        """Return it; it lives as long as the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it by closing its stream."""
        self._answers.close()
        self._stream.close()

    def ask(self, request: dict[str, Any]) -> None:
        """Send a request."""
        try:
            self._stream.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise HarnessError(f"host {self._name!r} cannot be asked: {error}") from None

    def answer(self) -> Any:
        """Return the answer to the oldest request that has none yet."""
        try:
            line = self._answers.readline()
        except TimeoutError:
            raise HarnessError(
                f"host {self._name!r} did not report its kernel's state within {_ANSWER_TIMEOUT:g} s"
            ) from None
        if not line:
            raise HarnessError(f"host {self._name!r}: the process that reports its kernel's state has ended")
        return json.loads(line)
