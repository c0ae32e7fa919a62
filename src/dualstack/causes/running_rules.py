"""Which facts support causes that are about how a service or relay runs and ends, and which rule them out."""

from dualstack.causes import addresses, answers, relaying, running, sockets, starting, waiting
from dualstack.causes.rule import CERTAIN, DECISIVE, FITS, STRONG, Rule, about, both, ended, says, unless
from dualstack.facts import Sign
from dualstack.families import Family

OF_CLIENTS = ("LISTEN", "INTEROP", "LIFE", "ROBUST", "SEC", "TRANS")
"""Groups of requirements about ordinary clients, many clients, and clients that misbehave."""

RUNNING_RULES = (
    Rule(
        "RC-HALFCLOSE",
        ((FITS, about("ROBUST-001")), (DECISIVE, relaying.half_close_lost)),
        (answers.is_refused,),
        evident=False,
    ),
    Rule("RC-LASTBYTES", ((DECISIVE, relaying.last_bytes_lost),)),
    Rule("RC-UNCONNECTED", ((DECISIVE, relaying.stranger_passed),)),
    Rule("RC-AGE", ((DECISIVE, relaying.forgotten_busy),)),
    Rule("RC-NOTKEPT", ((DECISIVE, answers.not_kept),)),
    Rule("RC-PEEROVERWRITTEN", ((DECISIVE, relaying.not_sent_again),)),
    Rule("RC-NEWSESSION", ((DECISIVE, relaying.new_session),)),
    Rule("RC-NORESET", ((DECISIVE, relaying.reset_lost),)),
    Rule("RC-MULTICAST", ((DECISIVE, about("UDP-009")),), (sockets.no_socket_for_it,)),
    Rule("RC-SPOOF", ((FITS, about("SEC-003")),), (unless(sockets.takes(Family.IPV6), "no socket takes IPv6"),)),
    Rule(
        "RC-SIGPIPE",
        (
            (DECISIVE, running.by_sigpipe),
            (STRONG, both(running.of_broken_pipe, about("ROBUST"))),
            (STRONG, both(running.stops_after_reset, about("ROBUST-003"))),
            (FITS, both(ended, about("ROBUST-003"))),
        ),
        (running.runs_on, running.of_missing_value, running.of_reset),
    ),
    Rule("RC-CLIENTRESET", ((STRONG, both(running.of_reset, about("ROBUST"))),)),
    Rule(
        "RC-EINTR",
        (
            (STRONG, both(running.of_client_error, about("ROBUST", "UDP"))),
            (STRONG, both(running.of_missing_value, about("ROBUST-003", "ROBUST-004"))),
            (FITS, about("ROBUST-003", "ROBUST-004")),
        ),
        (running.by_sigpipe, running.only_resets_said, running.loop_ends, waiting.never_accepted),
    ),
    Rule("RC-CLIENTERROR", ((DECISIVE, both(running.loop_ends, about(*OF_CLIENTS))),)),
    Rule("RC-LISTENERGONE", ((STRONG, sockets.closed_while_running),), (answers.is_udp, about("LIFE", "TRANS"))),
    Rule("RC-SHORTQUEUE", ((STRONG, about("UDP-010")),), (ended,)),
    Rule("RC-CONNECTEDUDP", ((DECISIVE, sockets.connected_to_a_client),)),
    Rule(
        "RC-UDPERROR",
        (
            (FITS, about("UDP-007")),
            (STRONG, both(about("UDP-007"), says(Sign.REFUSED))),
            (STRONG, both(about("UDP-005", "UDP-008"), ended, says(Sign.TOO_LARGE))),
        ),
        (answers.answers_again,),
    ),
    Rule("RC-MAPPEDPREFIX", ((CERTAIN, addresses.mapped_counted_together),)),
    Rule(
        "RC-PERPREFIX",
        (
            (DECISIVE, answers.hangs_up_beside_others),
            (DECISIVE, answers.limits_earlier(Family.IPV6)),
            (FITS, about("ROBUST-008")),
        ),
        (
            about("ROBUST-010"),
            waiting.never_accepted,
            answers.fails_alone,
            answers.ipv4_counted_together,
            sockets.closed_while_running,
        ),
    ),
    Rule(
        "RC-SHAREDADDRESS",
        (
            (CERTAIN, answers.locks_out_sharers),
            (DECISIVE, answers.limits_ipv4),
            (DECISIVE, answers.limits_earlier(Family.IPV4)),
        ),
        (answers.fails_alone,),
    ),
    Rule(
        "RC-BACKLOG",
        ((DECISIVE, both(sockets.queue_is_short, about("ROBUST-004", "ROBUST-005", "ROBUST-007", "ROBUST-008"))),),
    ),
    Rule("RC-PARTIAL", ((FITS, about("ROBUST-002")),), (answers.is_refused,), evident=False),
    Rule("RC-IDLE", ((FITS, about("ROBUST-010")),)),
    Rule(
        "RC-ICMPLOOP",
        ((FITS, about("ROBUST-011")),),
        (running.busy_with_a_client, running.busy_without_ipv6),
    ),
    Rule("RC-ALWAYSREADY", ((DECISIVE, running.busy_with_a_client),)),
    Rule("RC-BINDLOOP", ((DECISIVE, running.busy_without_ipv6),)),
    Rule(
        "RC-RELOAD",
        ((CERTAIN, running.rule_is_lost), (DECISIVE, about("LIFE-008"))),
        (both(running.wildcard_still_there, unless(running.rule_is_lost, "no access rule is lost")),),
    ),
    Rule("RC-INHERIT", ((DECISIVE, running.socket_survives),)),
    Rule("RC-REUSEADDR", ((STRONG, starting.busy_after_restart),), (running.socket_survives,)),
    Rule(
        "RC-STOP", ((FITS, running.does_not_stop),), (running.socket_survives, running.stops_uncleanly), evident=False
    ),
    Rule("RC-STOPSTATUS", ((DECISIVE, running.stops_uncleanly),)),
    Rule(
        "RC-SNAPSHOT",
        ((STRONG, both(about("LIFE-003"), sockets.bound_to_each_address)), (FITS, about("LIFE"))),
        (
            both(ended, unless(both(about("LIFE-003"), sockets.bound_to_each_address), " ")),
            running.wildcard_still_there,
        ),
    ),
    Rule("RC-NEWADDR", ((FITS, both(running.answers_moved, about("SEC-008"))),)),
)
"""Their order is that of `rules`."""
