"""The clients of a listener: they dial it, one at a time, or hold connections open."""

import re
from dataclasses import replace

from dualstack.deadline import Deadline
from dualstack.errors import Inconclusive
from dualstack.facts import Exchange
from dualstack.families import Family, endpoint
from dualstack.manifest import Subject
from dualstack.manifest.shown import shown_address
from dualstack.prober.client import ConnectionsHandle
from dualstack.prober.messages import Dial, Dialled, HoldConnections, Outcome, Stage
from dualstack.service import dial_to
from dualstack.world.clients import Clients
from dualstack.world.journal import Journal
from dualstack.world.observed import exchange_of
from dualstack.world.oneway import hold_exchange
from dualstack.world.service import Service

ERROR = 400
"""A status or reply code from this one on is an error."""


class Client:
    """The clients of a listener.

    A service that exits after one connection is started again before the next one dials.

    Attributes:
        exchanges: The exchanges of single clients so far.
        shown: The source address of each client that the service has shown, and the text that it showed; not of a
            client that a PROXY header or a field of the request names.
        misjudged: Pairs of a client's address and an access rule that the service applied wrongly to it.
        usual: The status of the answer to an ordinary client of each family, before anything was done to the service.
    """

    def __init__(self, service: Service, subject: Subject, clients: Clients, journal: Journal) -> None:
        """Prepare; nothing is dialled.

        Args:
            service: The service.
            subject: Its manifest, with one of its configurations.
            clients: Where the listener's clients are.
            journal: Where steps are noted.
        """
        self.exchanges: list[Exchange] = []
        self.shown: list[tuple[str, str]] = []
        self.misjudged: list[tuple[str, str]] = []
        self.usual: dict[Family, int] = {}
        self._statuses: set[int] = set()
        """The statuses and reply codes of all answers."""
        self._service = service
        self._listener = service.listener
        self._subject = subject
        self._clients = clients
        self._journal = journal
        self._held: list[ConnectionsHandle] = []
        self._dialled_launch = 0
        """The number of the start after which a client last dialled."""
        self._log_size = 0
        """The size of the log when a client last dialled."""

    def exchange(
        self, family: Family, address: str = "", clients: Clients | None = None, protocol: str | None = None
    ) -> Dial:
        """Return one exchange with the listener, from the clients' first address of the family; nothing is sent.

        For an address with a zone the kernel chooses the source address.

        Args:
            family: The family to dial over.
            address: The address to dial; empty for the service's first one.
            clients: Where the client is; None for the listener's clients.
            protocol: The name of the application protocol; None for the listener's.
        """
        listener, clients = self._listener, clients or self._clients
        address = address or self._clients.addresses[family][0]
        dial = dial_to(self._service.upstreams.asked(listener), address, self._subject.manifest.timeouts.exchange)
        source = "" if "%" in address else next(iter(clients.sources[family]), "")
        if protocol is None or protocol == listener.protocol:
            return replace(dial, source=source)
        return replace(dial, source=source, protocol=protocol, send=None, expect=None)

    def dial(
        self,
        family: Family,
        address: str,
        *,
        source: str = "",
        port: int = 0,
        timeout: float = 0.0,
        size: int = 250,
        send: str | None = None,
        clients: Clients | None = None,
    ) -> Dialled:
        """Hold one exchange with the service, and note it.

        Args:
            family: The family to dial over.
            address: The address to dial.
            source: The client's address; empty for its first one, or for the kernel's choice if ``address`` has a zone.
            port: The port; 0 for the listener's.
            timeout: Seconds; 0 for the manifest's ``timeouts.exchange``.
            size: How many bytes are sent with protocol echo or upper.
            send: What is sent with protocol exchange; None for the manifest's ``send``.
            clients: Where the client is; None for the listener's clients.
        """
        dial = self.exchange(family, address, clients)
        dial = replace(
            dial,
            source=source or dial.source,
            port=port or dial.port,
            send=dial.send if send is None else send,
            timeout=timeout or dial.timeout,
            token_size=size,
        )
        return self.carry_out(dial, clients)

    def carry_out(self, dial: Dial, clients: Clients | None = None) -> Dialled:
        """Hold any exchange with the service, and note it."""
        service, listener, clients = self._service, self._listener, clients or self._clients
        exited = listener.single_shot and self._dialled_launch == len(service.launches)
        if exited and service.current is not None:
            service.restart()
        self._dialled_launch = len(service.launches)
        if listener.peer_log is not None:
            self._log_size = service.log.size
        dialled = hold_exchange(listener, dial, clients.host, service.current)
        self._statuses |= {dialled.status} if dialled.outcome is Outcome.ANSWERED else set()
        self._journal.waited += dialled.seconds
        large = dial.send is not None and dial.send in {listener.large_send, listener.bulk_send} - {listener.send}
        done = exchange_of(dial, dialled, start=len(service.launches), inside=clients.inside, asks_large=large)
        self.exchanges.append(done)
        where = f"{dial.transport.value} {endpoint(dial.address, dial.port)}"
        where += " on the service's own host" * clients.inside
        source = f" from {dial.source}" if dial.source and dial.source not in clients.sources[dial.family][:1] else ""
        self._journal.note(f"dial {where}{source}: {dialled.detail}")
        return dialled

    def note(self, text: str) -> None:
        """Note a step."""
        self._journal.note(text)

    def is_served(self, dialled: Dialled) -> bool:
        """Return whether a client was answered, and not with an error while others of this case were answered without.

        A service whose every answer is an error, such as 404, serves its clients as well as it can.
        """
        error = dialled.status >= ERROR and any(status < ERROR for status in self._statuses)
        return dialled.outcome is Outcome.ANSWERED and not error

    def take_rule(self, rule: str, source: str, *, ok: bool) -> None:
        """Record a client to which the service applied an access rule wrongly."""
        if rule and source and not ok:
            self.misjudged.append((source, rule))

    def is_denial(self, dialled: Dialled) -> bool:
        """Return whether an answer is a denied client's."""
        acl = self._listener.acl
        pattern = acl.denied_response if acl is not None else None
        return pattern is not None and re.search(pattern, dialled.answer) is not None

    def is_usual(self, family: Family, dialled: Dialled) -> bool:
        """Return whether the status of an answer is no error, or is the one that ordinary clients get (`usual`)."""
        return dialled.status < ERROR or dialled.status == self.usual.get(family)

    def hold(self, family: Family, count: int, protocol: str | None = None) -> ConnectionsHandle:
        """Open connections over ``family``, hold one exchange on each, and keep them open until the case ends.

        Args:
            family: The family to dial over.
            count: The maximum number of connections (1 if the service exits after one).
            protocol: The name of the application protocol; None for the listener's.
        """
        count = 1 if self._listener.single_shot else min(count, self._listener.clients)
        self._dialled_launch = len(self._service.launches)
        dials = (self.exchange(family, protocol=protocol),) * count
        held = self._clients.host.prober.hold_connections(HoldConnections(dials, Stage.ANSWERED, in_turn=True))
        self._held.append(held)
        last = held.clients[-1]
        self._journal.waited += last.seconds
        self._journal.note(
            f"connections over {family.label} that are held open: {held.held}; of the last one: {last.detail}"
        )
        return held

    def shown_address(self, dialled: Dialled, client: str = "") -> str:
        """Return the client's address as the service shows it, in its answer or in its log; empty if it does not.

        The log is not waited for if the client was not answered: the service may never have seen it.

        Args:
            dialled: The exchange.
            client: The address to be shown, which a header names; empty for the address that dialled.

        Raises:
            Inconclusive: The manifest's expression matches something else.
        """
        listener, program, client = self._listener, self._service.current, client or dialled.source
        if dialled.outcome is not Outcome.ANSWERED:
            return ""
        if listener.peer_reply is not None:
            found = re.search(listener.peer_reply, dialled.answer)
        elif listener.peer_log is not None and program is not None:
            # Only what was written since this client dialled is about it.
            deadline = Deadline(self._subject.manifest.timeouts.exchange, "the client's address in the log")
            line = program.wait_log(listener.peer_log, deadline, self._log_size)
            found = re.search(listener.peer_log, line) if line is not None else None
        else:
            found = None
        if found and client == dialled.source:
            self.shown.append((client, found[1] or ""))
        try:
            return shown_address(found[1] or "", client) if found else ""
        except ValueError as error:
            key = "peer_reply" if listener.peer_reply is not None else "peer_log"
            raise Inconclusive(f"{self._subject.path}: listen {listener.name!r}, {key}: {error}") from None

    def close(self) -> None:
        """Close all held connections."""
        for held in self._held:
            held.close()
