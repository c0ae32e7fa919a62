"""Which facts support each cause, and which rule it out."""

from dualstack.causes import addresses, answers, connecting, datagrams, literals, paths, running, sockets, starting, tls
from dualstack.causes.rule import (
    CERTAIN,
    DECISIVE,
    FITS,
    HINT,
    STRONG,
    Rule,
    about,
    both,
    did_not_start,
    ended,
    lost,
    says,
    unless,
)
from dualstack.facts import Sign
from dualstack.families import Family

IPV4, IPV6 = Family.IPV4, Family.IPV6

RULES = (
    Rule("RC-EARLYREADY", ((CERTAIN, sockets.came_late), (DECISIVE, sockets.refused_then_answered))),
    Rule(
        "RC-TWOPORTS",
        ((DECISIVE, sockets.family_on_other_port),),
        (starting.foreign,),
    ),
    Rule(
        "RC-V4SOCK",
        ((STRONG, sockets.ipv4_wildcard_only), (FITS, sockets.no_socket(IPV6))),
        (sockets.takes(IPV6), sockets.nothing_seen, sockets.came_late, sockets.served(IPV6)),
    ),
    Rule(
        "RC-LIBBUILD",
        ((STRONG, both(says(Sign.NO_IPV6), lost(IPV6))), (STRONG, sockets.ipv6_address_on_ipv4_socket)),
        (sockets.takes(IPV6),),
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
        (starting.RESTARTS, starting.foreign),
    ),
    Rule("RC-REUSEPORT", ((DECISIVE, sockets.one_covers_other), (FITS, about("SEC-009")))),
    Rule(
        "RC-BINDSWALLOWED",
        (
            (DECISIVE, starting.runs_on_without),
            (STRONG, starting.names_bind_error_and_runs),
            (STRONG, starting.waits_for_mapped),
            (FITS, about("LISTEN-009")),
        ),
    ),
    Rule(
        "RC-NOINET6",
        (
            (DECISIVE, both(starting.no_family_said, did_not_start)),
            (DECISIVE, starting.says_no_ipv6_sockets),
            (STRONG, both(did_not_start, starting.no_ipv6_sockets)),
            (FITS, both(ended, starting.no_ipv6_here)),
        ),
        (starting.host_is_complete,),
    ),
    Rule(
        "RC-LOOPBACK",
        ((DECISIVE, starting.bound_to_loopback_missing),),
        (starting.loopbacks_present,),
    ),
    Rule(
        "RC-LITERAL", ((STRONG, sockets.ipv4_literal_only), (FITS, starting.names_ipv4_address)), (starting.has_ipv4,)
    ),
    Rule("RC-BINDEARLY", ((DECISIVE, both(starting.moved_while_tentative, about("LIFE-004"))),), evident=False),
    Rule("RC-PKTINFO", ((DECISIVE, datagrams.wrong_source),), (answers.is_tcp,)),
    Rule("RC-REPLYPORT", ((DECISIVE, datagrams.wrong_port),), (answers.is_tcp,)),
    Rule("RC-NOCHECKSUM", ((DECISIVE, datagrams.bad_checksum),), (answers.is_tcp,)),
    Rule(
        "RC-ADDRLEN",
        (
            (CERTAIN, both(addresses.shown_cut_in_binary, addresses.ipv4_client_before)),
            (CERTAIN, addresses.answer_goes_astray_later),
        ),
        (addresses.shown_cut_as_text,),
    ),
    Rule(
        "RC-SOCKADDR",
        (
            (CERTAIN, addresses.answer_goes_astray),
            (DECISIVE, literals.cut_target),
            (DECISIVE, addresses.shown_cut_at_length),
            (DECISIVE, addresses.shown_cut_in_binary),
            (DECISIVE, addresses.unpacked),
            (STRONG, both(addresses.shown_misread, about("INTEROP-001"))),
            (FITS, about("UDP-004")),
        ),
        (answers.is_refused, addresses.answer_goes_astray_later),
    ),
    Rule(
        "RC-ACLTEXT",
        ((CERTAIN, answers.says_mapped_not_allowed), (DECISIVE, about("SEC-001"))),
        (addresses.rule_hits_others,),
    ),
    Rule(
        "RC-MAPPED",
        (
            (DECISIVE, answers.says_mapped),
            (STRONG, answers.mapped_is_turned_away),
            (STRONG, both(about("INTEROP-001"), addresses.shown_mapped)),
            (HINT, about("SEC-001", "SEC-005")),
        ),
        (answers.came_in_part, answers.only_ipv6_is_wrong),
    ),
    Rule("RC-ACLPREFIX", ((DECISIVE, addresses.rule_hits_others),)),
    Rule("RC-LOCALHOSTBACKEND", ((DECISIVE, answers.backend_fails), (FITS, answers.gateway_error))),
    Rule("RC-CUTSHORT", ((DECISIVE, answers.cut_short),)),
    Rule(
        "RC-ERRORANSWER",
        (
            (STRONG, answers.error_answer_of_one_family),
            (STRONG, answers.statuses_differ),
            (STRONG, answers.error_status),
        ),
        (answers.is_udp, answers.mapped_is_turned_away, tls.tls_fails, about("SEC-001")),
    ),
    Rule("RC-TLSNAME", ((DECISIVE, tls.certificate_of_other_names),)),
    Rule("RC-TLSMISSING", ((DECISIVE, tls.no_tls),)),
    Rule("RC-SNI", ((DECISIVE, tls.rejects_literal),), (connecting.listens,)),
    Rule("RC-BINDTODEVICE", ((DECISIVE, paths.loopback_refused),)),
    Rule("RC-SCOPEDPEER", ((DECISIVE, paths.link_local_lost),)),
    Rule(
        "RC-HOPLIMIT",
        ((DECISIVE, paths.expires_on_the_way), (DECISIVE, paths.small_hop_limit), (FITS, paths.lost_behind_router)),
        (paths.hop_limit_is_enough,),
    ),
    Rule("RC-DONTROUTE", ((STRONG, paths.past_the_router),), (paths.expires_on_the_way, paths.small_hop_limit)),
    Rule(
        "RC-PERPREFIX",
        ((DECISIVE, answers.hangs_up_beside_others), (FITS, about("ROBUST-008"))),
        (about("ROBUST-010"),),
    ),
    Rule(
        "RC-BLOCKING",
        ((FITS, answers.keeps_waiting),),
        (answers.ends_connections,),
        evident=False,
    ),
    Rule("RC-LEAK", ((STRONG, answers.something_grows), (STRONG, says(Sign.TOO_MANY_FILES)))),
    Rule(
        "RC-REPLYSOCKET",
        ((STRONG, datagrams.answers_nowhere),),
        (
            answers.is_tcp,
            datagrams.oneway,
            datagrams.large_only,
            addresses.answer_goes_astray,
            datagrams.wrong_source,
            datagrams.wrong_port,
            datagrams.bad_checksum,
            sockets.came_late,
            unless(datagrams.UNICAST, "its requests were not ordinary ones"),
            both(about("UDP-005", "UDP-008"), unless(datagrams.small_are_lost_too, "only large requests were sent")),
        ),
    ),
    Rule(
        "RC-MTU",
        (
            (STRONG, datagrams.large_only),
            (STRONG, datagrams.too_large_packets),
            (FITS, about("UDP-005", "UDP-008", "LISTEN-017")),
        ),
        (
            answers.is_refused,
            sockets.no_socket_for_it,
            addresses.answer_goes_astray,
            datagrams.small_are_lost_too,
            answers.came_in_part,
        ),
    ),
    Rule("RC-REVERSELOOKUP", ((DECISIVE, answers.asks_for_names),)),
    Rule(
        "RC-CLIENTKEY",
        ((DECISIVE, both(datagrams.gets_others_answers, about("UDP-004", "INTEROP-007"))),),
        (addresses.answer_goes_astray, datagrams.answers_nowhere),
    ),
    Rule(
        "RC-ADDRTEXT",
        ((STRONG, both(addresses.by_shape, about("INTEROP-007"))), (STRONG, addresses.sender_is_dropped)),
        (datagrams.gets_others_answers,),
    ),
    Rule("RC-SSRF", ((FITS, about("SEC-006")),), (answers.leads_past_filter,)),
    Rule("RC-REDIRECT", ((DECISIVE, answers.leads_past_filter),)),
    Rule("RC-IDLE", ((FITS, about("ROBUST-010")),)),
    Rule("RC-ICMPLOOP", ((FITS, about("ROBUST-011")),)),
    Rule("RC-RELOAD", ((DECISIVE, about("LIFE-008")),), (running.wildcard_still_there,)),
    Rule("RC-MULTICAST", ((DECISIVE, about("UDP-009")),), (sockets.no_socket_for_it,)),
    Rule("RC-SPOOF", ((FITS, about("SEC-003")),), (unless(sockets.takes(IPV6), "no socket takes IPv6"),)),
    Rule(
        "RC-SIGPIPE",
        ((DECISIVE, running.by_sigpipe), (STRONG, both(running.of_broken_pipe, about("ROBUST")))),
        (running.runs_on,),
    ),
    Rule(
        "RC-EINTR",
        (
            (STRONG, both(running.of_client_error, about("ROBUST", "UDP"))),
            (FITS, about("ROBUST-003", "ROBUST-004")),
        ),
        (running.by_sigpipe,),
    ),
    Rule(
        "RC-UDPERROR",
        ((FITS, about("UDP-007")), (STRONG, both(about("UDP-007"), says(Sign.REFUSED)))),
    ),
    Rule("RC-INHERIT", ((DECISIVE, running.socket_survives),)),
    Rule("RC-REUSEADDR", ((STRONG, running.port_busy_after_restart),), (running.socket_survives,)),
    Rule("RC-STOP", ((FITS, running.does_not_stop),), (running.socket_survives,), evident=False),
    Rule("RC-SNAPSHOT", ((FITS, about("LIFE")),), (ended, running.wildcard_still_there)),
    Rule("RC-NEWADDR", ((FITS, both(running.answers_moved, about("SEC-008"))),)),
    Rule("RC-RACEALL", ((DECISIVE, connecting.several_requests),)),
    Rule(
        "RC-WRONGFAMILYSOURCE",
        ((DECISIVE, connecting.socket_of_other_family), (FITS, connecting.ipv4_fails_unseen)),
        (starting.says_no_ipv6_sockets,),
    ),
    Rule(
        "RC-INETATON",
        (
            (DECISIVE, literals.asked_for_literal),
            (DECISIVE, literals.says_not_ipv4),
            (STRONG, literals.bare_literal_not_found),
        ),
        (literals.no_ipv6_literal, literals.joined_without_brackets),
    ),
    Rule(
        "RC-BRACKET",
        (
            (CERTAIN, literals.joined_without_brackets),
            (DECISIVE, literals.too_many_colons),
            (DECISIVE, about("CONNECT-017")),
        ),
    ),
    Rule(
        "RC-SPLIT",
        (
            (DECISIVE, literals.brackets_left_on),
            (DECISIVE, addresses.shown_cut_at_colon),
            (STRONG, literals.port_misread),
            (STRONG, literals.listens_although_malformed),
            (FITS, literals.literal_not_started),
        ),
        (literals.no_ipv6_literal, literals.joined_without_brackets, tls.rejects_literal),
    ),
    Rule(
        "RC-RESOLVER",
        (
            (DECISIVE, connecting.never_asked),
            (STRONG, connecting.gave_up_with_addresses),
            (STRONG, connecting.one_of_localhost),
            (FITS, connecting.not_found),
        ),
    ),
    Rule(
        "RC-RESOLVERORDER",
        ((DECISIVE, connecting.some_of_a_family_left),),
        (connecting.listens,),
    ),
    Rule(
        "RC-NOHE",
        ((DECISIVE, connecting.slow_attempts), (STRONG, connecting.waits_for_dead_address)),
        (connecting.listens, connecting.quick_and_complete),
    ),
    Rule(
        "RC-FIRSTADDR",
        ((STRONG, connecting.stopped_at_first), (STRONG, connecting.unreachable_is_final)),
        (
            connecting.listens,
            connecting.all_tried,
            connecting.one_address_known,
            connecting.some_of_a_family_left,
            connecting.no_run_failed,
        ),
    ),
    Rule("RC-MAPPEDTARGET", ((FITS, both(about("INTEROP-003"), connecting.mapped_target)),), (connecting.listens,)),
)
"""All rules. Among causes with equally strong support, the requirement's own come first, then those in this order."""
