"""Rules read what a failed finding shows as data: its sentences may change."""

from collections.abc import Callable

import pytest

from dualstack.causes import (
    addresses,
    answers,
    connecting,
    datagrams,
    handed_out,
    literals,
    paths,
    proxied,
    relaying,
    resolving,
    running,
    sockets,
    tls,
)
from dualstack.facts import Facts, How
from dualstack.finding import Finding, Symptom
from tests.causes.made import IGNORED, OK, ZERO, facts, row

Rule = Callable[[Facts], str]


@pytest.mark.parametrize(
    ("rule", "symptom"),
    [
        (addresses.mixed_up, Symptom.OTHERS_ADDRESS),
        (answers.something_grows, Symptom.GROWTH),
        (answers.leads_past_filter, Symptom.REDIRECT),
        (answers.locks_out_sharers, Symptom.SHARED_ADDRESS),
        (answers.refuses_literals, Symptom.LITERAL_REFUSED),
        (connecting.unnamed_address, Symptom.UNNAMED_ADDRESS),
        (datagrams.bad_checksum, Symptom.BAD_CHECKSUM),
        (datagrams.too_large_packets, Symptom.LARGE_PACKET),
        (datagrams.gets_others_answers, Symptom.OTHERS_ANSWERS),
        (handed_out.cut, Symptom.CUT_ADDRESS),
        (handed_out.cut_at_colon, Symptom.CUT_AT_COLON),
        (handed_out.mapped, Symptom.MAPPED_ADDRESS),
        (handed_out.type_of_other_family, Symptom.ADDRESS_TYPE),
        (handed_out.side_port_missed, Symptom.SIDE_PORT),
        (handed_out.unusable, Symptom.UNUSABLE_ADDRESS),
        (handed_out.without_brackets, Symptom.NO_BRACKETS),
        (literals.encoded_brackets, Symptom.ENCODED_BRACKETS),
        (literals.port_lost, Symptom.PORT_LOST),
        (literals.listens_although_malformed, Symptom.MALFORMED_ADDRESS),
        (paths.past_the_router, Symptom.BYPASSED_ROUTER),
        (relaying.forgotten_busy, Symptom.FORGOTTEN_BUSY),
        (relaying.half_close_lost, Symptom.HALF_CLOSE_LOST),
        (relaying.last_bytes_lost, Symptom.LAST_BYTES_LOST),
        (answers.not_kept, Symptom.NOT_KEPT),
        (relaying.new_session, Symptom.NEW_SESSION),
        (relaying.next_address_late, Symptom.NEXT_ADDRESS_LATE),
        (relaying.next_address_missed, Symptom.NEXT_ADDRESS_MISSED),
        (relaying.reset_lost, Symptom.RESET_LOST),
        (relaying.server_missed, Symptom.SERVER_MISSED),
        (proxied.misread, Symptom.PROXY_HEADER),
        (proxied.misread_field, Symptom.FORWARDED),
        (proxied.distrusts_relay, Symptom.RELAY_DISTRUSTED),
        (proxied.trusts_stranger, Symptom.STRANGER_TRUSTED),
        (relaying.stranger_passed, Symptom.STRANGER_PASSED),
        (resolving.keeps_family, Symptom.KEPT_FAMILY),
        (running.busy_with_a_client, Symptom.BUSY_WITH_CLIENT),
        (running.busy_without_ipv6, Symptom.BUSY_WITHOUT_IPV6),
        (running.rule_is_lost, Symptom.RULE_LOST),
        (running.socket_survives, Symptom.SOCKET_LEFT),
        (resolving.gives_up, Symptom.FAMILY_GIVEN_UP),
        (resolving.gives_up, Symptom.NO_RETRY),
        (resolving.keeps_address, Symptom.KEPT_ADDRESS),
        (running.does_not_stop, Symptom.STILL_RUNS),
        (running.stops_uncleanly, Symptom.UNCLEAN_END),
        (running.does_not_stop, Symptom.SOCKET_LEFT),
        (sockets.listens_elsewhere, Symptom.LISTENS_ELSEWHERE),
        (tls.accepts_other_certificate, Symptom.OTHER_CERTIFICATE),
    ],
)
def test_a_symptom_supports_its_rule(rule: Rule, symptom: Symptom) -> None:
    """A rule holds for its symptom, whatever the sentences are, and quotes what happened; for no other symptom."""
    others = tuple({*Symptom} - {symptom, *(item for item in Symptom if rule(with_symptoms(item)))})
    assert "it happened" in rule(with_symptoms(symptom))
    assert rule(with_symptoms(*others)) == rule(with_symptoms()) == ""


def test_a_socket_survives_only_a_service_that_has_ended() -> None:
    """While the service itself still runs, an open socket does not show that a child process keeps it."""
    assert running.socket_survives(with_symptoms(Symptom.STILL_RUNS, Symptom.SOCKET_LEFT)) == ""


def test_a_client_on_the_router_shows_the_route() -> None:
    """Packets for clients behind a router are missing only if a client on the router is answered."""
    lost = facts(OK, IGNORED, ZERO, row("::"))
    assert lost.ipv6.worst is How.IGNORED
    assert paths.past_the_router(lost) == ""
    finding = Finding(False, "it is answered", "it is not", symptoms=(Symptom.ROUTER_SERVED,))
    assert paths.past_the_router(facts(OK, IGNORED, ZERO, row("::"), broken=(finding,)))


def with_symptoms(*symptoms: Symptom) -> Facts:
    """Return facts with one failed finding."""
    return facts(broken=(Finding(False, "it was expected", "it happened", symptoms=symptoms),))
