"""Gather what the kernels of a lab report, and run the lab's proofs on it."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Self

from dualstack.errors import HarnessError
from dualstack.families import BOTH, Family
from dualstack.lab.facts import Facts
from dualstack.lab.functions import sites
from dualstack.lab.functions.function import Passage
from dualstack.lab.link_local import dialled_from, has_link_local, is_link_local_only, link_local_addresses
from dualstack.lab.observation import Advertised, HostObservation, Passed
from dualstack.lab.path_probe import Crossing, ProbedPath
from dualstack.lab.proofs import judge, planned_proofs
from dualstack.lab.protocol import Lab
from dualstack.lab.public_routes import PUBLIC
from dualstack.topology import LINK_MTU, hosts_across, reaches

_ENTRY = "dualstack.lab.facts:serve"

_ANSWER_TIMEOUT = 10.0
"""Seconds for one answer of a host."""

_PASSAGE_TIMEOUT = 8.0
"""Seconds for a connection, or for probes, through a daemon: a process, which a busy machine may delay."""

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
    own = {name: list(_listened(lab, name)) for name in lab.hosts}
    for name, witness in witnesses.items():
        look = {"confined": not lab.hosts[name].spec.af_inet6, "listen": own[name], "watch": _watched(lab, name)}
        witness.ask({"do": "look", **look})
    looks = {name: witness.answer() for name, witness in witnesses.items()}
    listeners = {name: list(zip(own[name], look["ports"], strict=True)) for name, look in looks.items()}
    dialled = {name: list(_targets(lab, listeners, name)) for name in witnesses}
    for name, witness in witnesses.items():
        targets = [(target, port) for _, _, target, port in dialled[name]]
        witness.ask({"do": "dial", "targets": targets, "routes": _elsewhere(lab, name)})
    reached: dict[str, dict[str, str]] = {name: {} for name in witnesses}
    routes: dict[str, dict[str, str]] = {}
    for name, witness in witnesses.items():
        answer = witness.answer()
        routes[name] = dict(zip(_elsewhere(lab, name), answer["routes"], strict=True))
        for (other, address, _, _), outcome in zip(dialled[name], answer["targets"], strict=True):
            reached[other][address] = reached[other].get(address, "") or outcome
    paths, crossings = _probe(lab, witnesses), _cross(lab, witnesses)
    ports = dict(pair for pairs in listeners.values() for pair in pairs)
    passages = _pass(lab, witnesses, ports)
    advertised = _solicit(lab, witnesses)
    frames = {name: _frames(witness) for name, witness in witnesses.items() if _watched(lab, name)}
    return {
        name: HostObservation(
            host.spec,
            host.plan,
            Facts.from_json(looks[name]["facts"]),
            reached[name],
            routes[name],
            tuple(item for item in paths if name in _on_path(lab, item)),
            _router_of(lab, name),
            tuple(item for item in crossings if name in (item.source, lab.plan.owner(item.target))),
            frames.get(name, {}),
            tuple(passed for owner, passed in passages if owner == name),
            tuple((one, told) for owner, one, told in advertised if owner == name),
        )
        for name, host in lab.hosts.items()
    }


def _targets(
    lab: Lab, listeners: Mapping[str, list[tuple[str, int]]], name: str
) -> Iterator[tuple[str, str, str, int]]:
    """Yield host, address, dialled address and port of each listener on another host to which a host has a path."""
    for other, pairs in listeners.items():
        for address, port in pairs if other != name else ():
            if target := _dialled(lab, name, other, address):
                yield other, address, target, port


def _listened(lab: Lab, name: str) -> Iterator[str]:
    """Yield the addresses of a host that others dial, link-local ones with their zone there."""
    plan = lab.hosts[name].plan
    yield from (address for family in BOTH for address in plan.every(family))
    if is_link_local_only(lab.topology, name):
        yield from link_local_addresses(plan)


def _dialled(lab: Lab, name: str, other: str, address: str) -> str:
    """Return the address that a host dials to reach an address of another one; empty if it has no path to it."""
    if "%" in address:
        return dialled_from(lab.plan, name, other, address) if has_link_local(lab.topology, name) else ""
    family = Family.of(address)
    has = family in lab.topology.families(name)
    return address if has and reaches(lab.topology, name, other, lab.plan.link_of(address), family) else ""


def _probe(lab: Lab, witnesses: Mapping[str, "_Witness"]) -> list[ProbedPath]:
    """Probe every path that crosses a router, from every host."""
    targets = {name: found for name in witnesses if (found := list(_across(lab, name)))}
    for name, pairs in targets.items():
        witnesses[name].ask({"do": "probe", "targets": pairs, "largest": LINK_MTU, "fits": _fits(lab, name)})
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
                narrow = specs[other].mtu < LINK_MTU and not lab.topology.black_hole(other)
                yield plan.configured[family][0], plan.planned[family][-1] if narrow else plan.configured[family][0]


def _on_path(lab: Lab, path: ProbedPath) -> set[str]:
    """Return the hosts on a path: both ends, and the router between."""
    ends = path.source, lab.plan.owner(path.target)
    return {*ends, *(lab.topology.host[name].via for name in ends)}


def _fits(lab: Lab, name: str) -> int:
    """Return the size of the packets that a black hole on the paths from a host lets pass; 0 without one."""
    topology = lab.topology
    return min(
        (topology.host[other].mtu for other in topology.host if other != name and topology.black_hole(other)), default=0
    )


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


def _pass(lab: Lab, witnesses: Mapping[str, "_Witness"], ports: Mapping[str, int]) -> list[tuple[str, Passed]]:
    """Try the paths that functions make; return what came of each, with the host of the function."""
    wanted = [(site.host, one) for site, function in sites(lab.topology, lab.plan) for one in function.passages(site)]
    found = []
    for owner, one in wanted:
        port, listener = ports[one.listener], witnesses[lab.plan.owner(one.listener)]
        if one.outcome and ports.get(one.address) == port:  # another listener that happens to have the same port
            port -= 1
        found.append((owner, _try(one, witnesses[one.source], listener, port)))
    return found


def _solicit(lab: Lab, witnesses: Mapping[str, "_Witness"]) -> list[tuple[str, Advertised, tuple[str, ...]]]:
    """Have neighbours ask for what functions advertise; return host of the function, what it advertises, and answer."""
    wanted = [(site.host, one) for site, function in sites(lab.topology, lab.plan) for one in function.advertises(site)]
    for _, one in wanted:
        witnesses[one.host].ask({"do": "solicit", "interface": one.interface})
    return [(owner, one, tuple(witnesses[one.host].answer()["prefixes"])) for owner, one in wanted]


def _try(one: Passage, witness: "_Witness", listener: "_Witness", port: int) -> Passed:
    """Dial the address of a path, and send to it with a hop limit of 1, and with the least that is enough."""
    witness.ask({"do": "dial", "targets": [(one.address, port)], "routes": [], "seconds": _PASSAGE_TIMEOUT})
    outcome = witness.answer()["targets"][0]
    seen = None
    if one.seen:
        listener.ask({"do": "accepted", "port": port})
        seen = one.seen, next(iter(listener.answer()["peers"][-1:]), "")
    if not one.first:
        return Passed(one.proof, one.source, one.address, outcome, wanted=one.outcome, seen=seen)
    witness.ask({"do": "cross", "targets": [(one.address, one.hops)], "seconds": _PASSAGE_TIMEOUT})
    found = witness.answer()["crossings"][0]
    crossing = Crossing(one.source, one.address, one.first, one.hops, *found)
    return Passed(one.proof, one.source, one.address, outcome, crossing, one.outcome, seen)


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
    """Return public addresses, and of the families that a host does not have those of the others, and one outside."""
    spec = lab.hosts[name].spec
    lacking = [family for family in BOTH if not spec.addresses(family)]
    others = [host.plan.planned[family][0] for family in lacking for other, host in lab.hosts.items() if other != name]
    return [*PUBLIC.values(), *others, *(_OUTSIDE[family] for family in lacking)]


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
