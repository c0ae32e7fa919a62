"""Which facts support causes of datagrams that get no answer, and which rule them out."""

from dualstack.causes import addresses, answers, connecting, datagrams, relaying, sockets
from dualstack.causes.rule import DECISIVE, FITS, STRONG, Rule, about, both, did_not_start, unless

NOT_DROPPED = (
    answers.is_tcp,
    relaying.has_server,
    datagrams.oneway,
    datagrams.large_only,
    addresses.answer_goes_astray,
    datagrams.wrong_source,
    datagrams.wrong_port,
    datagrams.bad_checksum,
    sockets.came_late,
    unless(datagrams.UNICAST, "its requests were not ordinary ones"),
    both(about("UDP-005", "UDP-008"), unless(datagrams.small_are_lost_too, "only large requests were sent")),
)
"""What shows that answers are sent, or that no ordinary request went to the socket of a family."""

DATAGRAM_RULES = (
    Rule(
        "RC-ACLFAMILY",
        (
            (STRONG, both(datagrams.answers_nowhere, unless(datagrams.answers_anybody, " "))),
            (FITS, datagrams.answers_nowhere),
        ),
        (*NOT_DROPPED, datagrams.sent_on_other_socket),
    ),
    Rule(
        "RC-REPLYSOCKET",
        ((DECISIVE, datagrams.sent_on_other_socket), (STRONG, datagrams.answers_nowhere)),
        NOT_DROPPED,
    ),
    Rule(
        "RC-MTU",
        (
            (STRONG, datagrams.large_only),
            (STRONG, datagrams.too_large_packets),
            (FITS, about("UDP-005", "UDP-008", "LISTEN-017", "TRANS-006", "TRANS-005")),
        ),
        (
            answers.is_refused,
            answers.short_on_link,
            did_not_start,
            both(connecting.listens, sockets.no_socket_for_it),
            addresses.answer_goes_astray,
            both(datagrams.small_are_lost_too, unless(about("TRANS-006"), "its answers are small")),
            both(answers.came_in_part, unless(about("TRANS-006"), "its answers are small")),
            datagrams.cut,
        ),
    ),
)
"""Their order is that of `rules`."""
