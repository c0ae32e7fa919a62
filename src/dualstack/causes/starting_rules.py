"""Which facts support causes that are about how a service starts and binds, and which rule them out."""

from dualstack.causes import sockets, starting
from dualstack.causes.rule import DECISIVE, FITS, STRONG, Rule, about, both, did_not_start, ended, unless

STARTING_RULES = (
    Rule(
        "RC-BINDSWALLOWED",
        (
            (DECISIVE, starting.runs_on_without),
            (STRONG, starting.names_bind_error_and_runs),
            (STRONG, starting.waits_for_mapped),
            (FITS, both(about("LISTEN-009"), unless(starting.ends_unreported, " "))),
        ),
    ),
    Rule("RC-BINDSILENT", ((DECISIVE, starting.ends_unreported),)),
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
        ((DECISIVE, starting.bound_to_loopback_missing), (STRONG, starting.may_need_loopback)),
        (starting.loopbacks_present,),
    ),
    Rule(
        "RC-LITERAL",
        (
            (STRONG, sockets.ipv4_literal_only),
            (STRONG, starting.reaches_for_ipv4),
            (FITS, starting.names_ipv4_address),
        ),
        (starting.has_ipv4,),
    ),
    Rule("RC-BINDEARLY", ((DECISIVE, both(starting.moved_while_tentative, about("LIFE-004"))),), evident=False),
)
