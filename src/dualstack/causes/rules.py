"""Which facts support each cause, and which rule it out."""

from dualstack.causes import (
    addresses,
    answers,
    attempting,
    connecting,
    datagrams,
    handed_out,
    literals,
    paths,
    proxied,
    relaying,
    running,
    sockets,
    starting,
    tls,
    waiting,
)
from dualstack.causes.carried_rules import CARRIED_RULES
from dualstack.causes.connecting_rules import CONNECTING
from dualstack.causes.datagram_rules import DATAGRAM_RULES
from dualstack.causes.rule import (
    CERTAIN,
    DECISIVE,
    FITS,
    HINT,
    STRONG,
    Rule,
    about,
    both,
    ended,
    lost,
    says,
    shows_wrong,
    unless,
)
from dualstack.causes.running_rules import RUNNING_RULES
from dualstack.causes.starting_rules import STARTING_RULES
from dualstack.facts import Sign
from dualstack.families import Family

IPV4, IPV6 = Family.IPV4, Family.IPV6

RULES = (
    Rule("RC-EARLYREADY", ((CERTAIN, sockets.came_late), (DECISIVE, sockets.refused_then_answered))),
    Rule("RC-EARLYLISTEN", ((CERTAIN, waiting.first_clients_wait),)),
    Rule(
        "RC-TWOPORTS",
        (
            (DECISIVE, sockets.family_on_other_port),
            (FITS, sockets.some_port_takes_family),
            (DECISIVE, both(about("LISTEN-006"), sockets.some_port_takes_family)),
        ),
        (starting.foreign,),
    ),
    Rule(
        "RC-ONEADDRESS",
        ((STRONG, both(sockets.bound_to_one_address, about("LISTEN"))),),
        (sockets.came_late, starting.foreign),
    ),
    Rule(
        "RC-V4SOCK",
        ((STRONG, sockets.ipv4_wildcard_only), (FITS, sockets.no_socket(IPV6))),
        (
            sockets.takes_always(IPV6),
            sockets.nothing_seen,
            sockets.came_late,
            sockets.served(IPV6),
            starting.names_ipv6_bind_error,
        ),
    ),
    Rule(
        "RC-LIBBUILD",
        ((STRONG, both(says(Sign.NO_IPV6), lost(IPV6))), (STRONG, sockets.ipv6_address_on_ipv4_socket)),
        (sockets.takes(IPV6), starting.names_ipv6_bind_error),
    ),
    Rule(
        "RC-V6ONLY",
        ((STRONG, sockets.default_v6only), (STRONG, sockets.v6only_missing)),
        (sockets.nothing_seen,),
    ),
    Rule(
        "RC-EXPOSE",
        ((STRONG, sockets.wider_than_asked), (STRONG, sockets.listens_elsewhere), (FITS, sockets.other_port_open)),
    ),
    Rule(
        "RC-DOUBLEBIND",
        ((DECISIVE, sockets.collides_with_itself), (DECISIVE, sockets.half_a_pair)),
        (starting.busy_after_restart, starting.foreign, both(about("START-001"), starting.no_pair_seen)),
    ),
    Rule("RC-REUSEPORT", ((DECISIVE, sockets.one_covers_other), (FITS, about("SEC-009")))),
    *STARTING_RULES,
    Rule("RC-PKTINFO", ((DECISIVE, datagrams.wrong_source),), (answers.is_tcp, about("UDP-009"))),
    Rule("RC-REPLYPORT", ((DECISIVE, datagrams.wrong_port),), (answers.is_tcp, about("SEC-003"))),
    Rule("RC-NOCHECKSUM", ((DECISIVE, datagrams.bad_checksum),), (answers.is_tcp,)),
    Rule(
        "RC-ADDRLEN",
        (
            (CERTAIN, both(addresses.shown_cut_in_binary, addresses.ipv4_client_before)),
            (CERTAIN, addresses.answer_goes_astray_later),
        ),
        (addresses.shown_cut_as_text, addresses.cut_before_any_ipv4),
    ),
    Rule(
        "RC-SOCKADDR",
        (
            (CERTAIN, addresses.answer_goes_astray),
            (DECISIVE, literals.cut_target),
            (
                DECISIVE,
                both(
                    attempting.address_is_short,
                    unless(literals.cut_at_colon, " "),
                    unless(literals.cut_at_bracket, " "),
                ),
            ),
            (DECISIVE, addresses.shown_cut_at_length),
            (DECISIVE, addresses.shown_cut_in_binary),
            (DECISIVE, addresses.shown_as_ipv4),
            (DECISIVE, addresses.unpacked),
            (DECISIVE, addresses.other_length_said),
            (DECISIVE, both(datagrams.length_refused, datagrams.UNICAST)),
            (DECISIVE, addresses.long_ones_not_shown),
            (STRONG, both(addresses.shown_misread, about("INTEROP-001"))),
            (DECISIVE, about("ADDR-005")),
            (FITS, both(about("UDP-004"), answers.only_ipv6_is_wrong)),
        ),
        (
            both(answers.is_refused, unless(addresses.other_length_said, " ")),
            sockets.connected_to_a_client,
            addresses.answer_goes_astray_later,
            proxied.misread,
            proxied.misread_field,
        ),
    ),
    Rule(
        "RC-ACLTEXT",
        (
            (CERTAIN, answers.says_mapped_not_allowed),
            (CERTAIN, proxied.distrusts_relay),
            (CERTAIN, both(about("SEC-001"), addresses.rule_hits_similar_texts)),
            (DECISIVE, both(about("SEC-001"), shows_wrong)),
            (DECISIVE, about("SEC-001")),
        ),
        (addresses.rule_hits_others, addresses.rule_is_forgotten, starting.busy_after_restart),
    ),
    Rule(
        "RC-MAPPED",
        (
            (DECISIVE, answers.says_mapped),
            (DECISIVE, handed_out.mapped),
            (STRONG, both(unless(proxied.writes_headers, " "), answers.mapped_is_turned_away)),
            (STRONG, both(about("INTEROP-001"), addresses.shown_mapped)),
            (HINT, about("SEC-001", "SEC-005")),
        ),
        (
            answers.came_in_part,
            answers.only_ipv6_is_wrong,
            answers.ordinary_clients_served,
            answers.alike,
            answers.ends_anyway,
            waiting.came_first_only,
            waiting.never_accepted,
            addresses.rule_is_forgotten,
            relaying.target_fails,
        ),
    ),
    Rule("RC-SHAREDBUFFER", ((DECISIVE, addresses.mixed_up),)),
    Rule("RC-ACLPREFIX", ((DECISIVE, addresses.rule_hits_others),)),
    Rule("RC-LOCALHOSTBACKEND", ((DECISIVE, answers.backend_fails), (FITS, answers.gateway_error))),
    Rule(
        "RC-CUTSHORT",
        ((DECISIVE, answers.cut_short),),
        (
            both(about("TRANS"), unless(answers.short_on_link, "the path may be to blame")),
            both(about("ROBUST-001"), answers.some_are_whole),
            answers.is_udp,
        ),
    ),
    Rule("RC-DATAGRAMCUT", ((DECISIVE, datagrams.cut),)),
    Rule("RC-NOSENDLIMIT", ((DECISIVE, answers.keeps_stalled),), evident=False),
    Rule(
        "RC-ERRORANSWER",
        (
            (STRONG, answers.error_answer_of_one_family),
            (STRONG, both(answers.ends_the_service, about("LISTEN", "UDP", "INTEROP"))),
            (STRONG, answers.statuses_differ),
            (STRONG, answers.refuses_literals),
            (STRONG, answers.error_status),
            (STRONG, both(waiting.accepted_in_vain, about("LISTEN", "INTEROP"))),
        ),
        (
            both(answers.is_udp, unless(answers.ends_the_service, "it runs on")),
            answers.mapped_is_turned_away,
            answers.ordinary_clients_served,
            answers.alike,
            answers.ends_anyway,
            both(about("LISTEN", "INTEROP"), waiting.came_first_only),
            answers.short_on_link,
            answers.not_kept,
            relaying.target_fails,
            tls.tls_fails,
            about("SEC-001"),
        ),
    ),
    Rule("RC-TLSNAME", ((DECISIVE, tls.certificate_of_other_names),)),
    Rule("RC-TLSMISSING", ((DECISIVE, tls.no_tls),)),
    Rule(
        "RC-SNI",
        ((DECISIVE, tls.rejects_literal), (DECISIVE, tls.accepts_other_certificate), (DECISIVE, about("CONNECT-015"))),
        (connecting.listens,),
    ),
    Rule("RC-BINDTODEVICE", ((DECISIVE, paths.loopback_refused),), (ended, sockets.connected_to_a_client)),
    Rule("RC-SCOPEDPEER", ((DECISIVE, paths.link_local_lost),), (answers.cut_short,)),
    Rule(
        "RC-HOPLIMIT",
        ((DECISIVE, paths.expires_on_the_way), (DECISIVE, paths.small_hop_limit), (FITS, paths.lost_behind_router)),
        (paths.hop_limit_is_enough,),
    ),
    Rule("RC-DONTROUTE", ((STRONG, paths.past_the_router),), (paths.expires_on_the_way, paths.small_hop_limit)),
    Rule(
        "RC-BLOCKING",
        (
            (FITS, waiting.keeps_waiting),
            (STRONG, both(waiting.socket_not_accepted, about("LISTEN"), unless(tls.handshake_is_silent, " "))),
            (STRONG, both(waiting.served_in_turns, about("LISTEN-001", "LISTEN-005"))),
            (STRONG, both(waiting.never_accepted, about("LISTEN", "LIFE", "INTEROP", "SEC", "ROBUST"))),
        ),
        (waiting.ends_connections, waiting.no_client_waits, waiting.first_clients_wait, running.loop_ends),
        evident=False,
    ),
    Rule("RC-LEAK", ((STRONG, answers.something_grows), (STRONG, says(Sign.TOO_MANY_FILES)))),
    *DATAGRAM_RULES,
    Rule(
        "RC-REVERSELOOKUP",
        ((DECISIVE, answers.asks_for_names),),
        (
            answers.is_refused,
            both(answers.ordinary_clients_served, unless(about("ROBUST-009"), "the case is not about latency")),
        ),
    ),
    Rule(
        "RC-CLIENTKEY",
        ((DECISIVE, both(datagrams.gets_others_answers, about("UDP-004", "INTEROP-007", "FORWARD-009"))),),
        (addresses.answer_goes_astray, datagrams.answers_nowhere),
    ),
    Rule(
        "RC-ADDRTEXT",
        (
            (STRONG, both(addresses.by_shape, about("INTEROP-007"))),
            (STRONG, addresses.sender_is_dropped),
            (DECISIVE, both(about("ADDR-001"), literals.some_forms_missed)),
            (DECISIVE, both(about("ADDR-002", "ADDR-007"), shows_wrong)),
        ),
        (datagrams.gets_others_answers, attempting.ignores_failure),
    ),
    Rule("RC-SSRF", ((FITS, about("SEC-006")),), (answers.leads_past_filter,)),
    Rule("RC-REDIRECT", ((DECISIVE, answers.leads_past_filter),)),
    *CARRIED_RULES,
    *RUNNING_RULES,
    *CONNECTING,
)
"""All rules. Among causes with equally strong support, the requirement's own come first, then those in this order."""
