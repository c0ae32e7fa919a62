"""Which facts support the causes of connectors and of address literals, and which rule them out."""

from dualstack.causes import (
    addresses,
    answers,
    attempting,
    connecting,
    given,
    handed_out,
    limits,
    literals,
    relaying,
    resolving,
    starting,
    tls,
    translating,
)
from dualstack.causes.rule import CERTAIN, DECISIVE, FITS, STRONG, Rule, about, both, shows_wrong, unless
from dualstack.families import Family

IPV4, IPV6 = Family.IPV4, Family.IPV6

CONNECTING = (
    Rule("RC-ADDRFORMAT", ((DECISIVE, both(about("ADDR-003"), shows_wrong)),)),
    Rule("RC-ZONE", ((DECISIVE, about("CONNECT-010")),)),
    Rule("RC-ZONELEAK", ((DECISIVE, both(about("ADDR-006"), shows_wrong)),)),
    Rule(
        "RC-RACEALL",
        ((DECISIVE, connecting.several_requests), (FITS, about("DNS-005"))),
        (
            both(about("DNS-005"), answers.something_grows, unless(connecting.several_requests, " ")),
            about("DNS-010"),  # its server moves, so a daemon connects to one address after the other
        ),
    ),
    Rule("RC-BURST", ((CERTAIN, both(about("DNS-004"), connecting.tried_at_once)),)),
    Rule("RC-FAMILYORDER", ((CERTAIN, both(about("DNS-009"), connecting.one_family_first)),)),
    Rule("RC-TARGET", ((DECISIVE, relaying.tunnel_refused),), (relaying.asked_one_family,)),
    Rule(
        "RC-WRONGFAMILYSOURCE",
        (
            (CERTAIN, attempting.bind_fails),
            (DECISIVE, attempting.socket_of_other_family),
            (DECISIVE, relaying.server_missed),
            (DECISIVE, about("CONNECT-011")),
            (STRONG, attempting.sends_nothing_unnoticed),
            (FITS, connecting.ipv4_fails_unseen),
        ),
        (
            starting.says_no_ipv6_sockets,
            literals.cut_at_colon,
            literals.cut_at_bracket,
            literals.too_many_colons,
            relaying.text_is_wrong,
            relaying.tries_missing_family,
            relaying.name_not_found,
            given.missed_beside_other_family,
        ),
    ),
    Rule(
        "RC-INETATON",
        (
            (DECISIVE, literals.asked_for_literal),
            (DECISIVE, literals.says_not_ipv4),
            (DECISIVE, addresses.not_ipv4_said),
            (STRONG, literals.bare_literal_not_found),
        ),
        (literals.no_ipv6_literal, literals.joined_without_brackets),
    ),
    Rule(
        "RC-BRACKET",
        (
            (CERTAIN, literals.joined_without_brackets),
            (DECISIVE, literals.too_many_colons),
            (DECISIVE, literals.rejoined),
            (DECISIVE, handed_out.without_brackets),
            (DECISIVE, both(about("CONNECT-017"), shows_wrong)),
            (DECISIVE, both(about("ADDR-004"), shows_wrong)),
        ),
        (literals.encoded_brackets,),
    ),
    Rule("RC-PROXYENV", ((CERTAIN, attempting.uses_proxy),), (connecting.listens,)),
    Rule("RC-ERRORIGNORED", ((CERTAIN, attempting.ignores_failure),), (connecting.listens,)),
    Rule("RC-HOSTHEADER", ((STRONG, literals.encoded_brackets), (CERTAIN, literals.port_lost))),
    Rule("RC-BRACKETSKEPT", ((CERTAIN, literals.brackets_kept),), (literals.no_ipv6_literal,)),
    Rule(
        "RC-SPLIT",
        (
            (DECISIVE, literals.cut_at_colon),
            (DECISIVE, literals.cut_at_bracket),
            (DECISIVE, addresses.shown_cut_at_colon),
            (DECISIVE, handed_out.cut_at_colon),
            (STRONG, literals.port_misread),
            (STRONG, literals.listens_although_malformed),
            (FITS, literals.literal_not_started),
        ),
        (
            literals.no_ipv6_literal,
            literals.joined_without_brackets,
            literals.brackets_kept,
            tls.rejects_literal,
            about("ADDR"),
        ),
    ),
    Rule(
        "RC-RESOLVER",
        (
            (CERTAIN, resolving.keeps_family),
            (DECISIVE, relaying.asked_one_family),
            (DECISIVE, resolving.never_asked),
            (DECISIVE, resolving.asked_for_one_family),
            (DECISIVE, relaying.name_not_found),
            (DECISIVE, resolving.bound_of_localhost(IPV4)),
            (DECISIVE, resolving.incomplete_resolver),
            (DECISIVE, both(about("DNS-015"), resolving.waited_before_dialling)),
            (DECISIVE, both(about("DNS-007"), resolving.late_without_aaaa)),
            (DECISIVE, both(about("DNS-007"), resolving.waits_for_aaaa, unless(attempting.dialled, " "))),
            (DECISIVE, both(about("DNS-013"), resolving.alias_not_followed, unless(attempting.dialled, " "))),
            (DECISIVE, both(about("DNS-008"), resolving.good_answer_unused, unless(attempting.dialled, " "))),
            (STRONG, resolving.gave_up_with_addresses),
            (STRONG, resolving.refused_literal),
            (STRONG, both(resolving.one_of_localhost, unless(resolving.ipv6_loopback_alone, " "))),
            (STRONG, connecting.loopback_missed(IPV6)),
            (FITS, resolving.not_found),
        ),
    ),
    Rule(
        "RC-FIRSTLOCAL",
        (
            (DECISIVE, resolving.bound_of_localhost(IPV6)),
            (STRONG, resolving.ipv6_loopback_alone),
            (FITS, resolving.one_of_localhost),
        ),
    ),
    Rule(
        "RC-RESOLVERORDER",
        (
            (DECISIVE, connecting.some_of_a_family_left),
            (STRONG, given.missed_beside_other_family),
            (DECISIVE, both(about("CONNECT-009"), connecting.ipv4_first)),
        ),
        (connecting.listens, attempting.bind_fails),
    ),
    Rule("RC-SOERROR", ((DECISIVE, attempting.used_after_failure),), (connecting.listens,)),
    Rule(
        "RC-NOHE",
        (
            (DECISIVE, connecting.slow_attempts),
            (DECISIVE, relaying.next_address_late),
            (STRONG, both(limits.waits_for_dead_address, connecting.goes_on_after_refusal)),
            (FITS, limits.waits_for_dead_address),
        ),
        (
            connecting.listens,
            limits.quick_and_complete,
            connecting.stopped_at_first,
            connecting.only_words_are_wrong,
        ),
    ),
    Rule(
        "RC-NOTIMEOUT",
        ((DECISIVE, limits.waits_for_all),),
        (connecting.listens, limits.tries_again, limits.next_after_limit),
    ),
    Rule("RC-LIMITEACH", ((DECISIVE, limits.whole_has_no_limit),), (connecting.listens, limits.tries_again)),
    Rule("RC-IMPATIENT", ((DECISIVE, limits.aborts_attempts),), (connecting.listens,)),
    Rule("RC-NAMELESSERROR", ((CERTAIN, connecting.unnamed_address),), (connecting.listens,)),
    Rule("RC-INPROGRESS", ((CERTAIN, attempting.taken_for_failure),), (connecting.listens,)),
    Rule(
        "RC-ERRORFINAL",
        ((CERTAIN, connecting.one_failure_is_final),),
        (
            connecting.listens,
            attempting.used_after_failure,
            attempting.other_failed_in_host,
            connecting.only_words_are_wrong,
        ),
    ),
    Rule(
        "RC-FIRSTADDR",
        (
            (DECISIVE, relaying.next_address_missed),
            (STRONG, connecting.stopped_at_first),
            (STRONG, connecting.unreachable_is_final),
            (STRONG, relaying.tries_missing_family),
            (STRONG, given.missed_beside_other_family),
            (STRONG, connecting.loopback_missed(IPV4)),
            (FITS, connecting.waits_at_first),
            (FITS, about("DNS-011")),
        ),
        (
            connecting.listens,
            connecting.tries_several,
            connecting.all_tried,
            relaying.name_not_found,
            resolving.one_address_known,
            connecting.some_of_a_family_left,
            connecting.goes_on_after_refusal,
            connecting.one_failure_is_final,
            attempting.failed_in_host,
            attempting.other_failed_in_host,
            connecting.only_words_are_wrong,
            connecting.no_run_failed,
        ),
    ),
    Rule("RC-DNSCACHE", ((DECISIVE, resolving.keeps_address),), (connecting.listens,)),
    Rule("RC-NOPAUSE", ((DECISIVE, about("CONNECT-018")),)),
    Rule("RC-NORETRY", ((DECISIVE, resolving.gives_up),), (connecting.listens, resolving.repeats_kept_address)),
    Rule(
        "RC-PREF64",
        (
            (
                CERTAIN,
                both(
                    about("TRANS-001", "TRANS-002"),
                    translating.synthesized_untried,
                    unless(attempting.socket_fails, " "),
                ),
            ),
            (DECISIVE, both(about("TRANS-003"), translating.literal_awaited)),
        ),
    ),
    Rule("RC-OWNADDRESS", ((DECISIVE, about("TRANS-010", "TRANS-011")),)),
    Rule("RC-CLATADDRESS", ((CERTAIN, both(about("TRANS-004"), translating.clat_unused)),)),
    Rule(
        "RC-MAPPEDTARGET",
        (
            (CERTAIN, attempting.mapped_fails),
            (FITS, both(about("INTEROP-003"), attempting.mapped_target)),
        ),
        (connecting.listens,),
    ),
)
"""The rules, in the order of `dualstack.causes.rules.RULES`."""
