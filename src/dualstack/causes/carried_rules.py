"""Which facts support causes that are about addresses in headers, messages and answers."""

from dualstack.causes import handed_out, proxied
from dualstack.causes.rule import CERTAIN, DECISIVE, STRONG, Rule, about, both

OF_CLIENTS = about("LISTEN", "INTEROP", "TRANS")
"""Requirements about ordinary clients, each with another address."""

CARRIED_RULES = (
    Rule(
        "RC-PROXYHDR",
        (
            (CERTAIN, proxied.misread),
            (CERTAIN, proxied.shows_other),
            (STRONG, proxied.may_misname),
            (STRONG, both(OF_CLIENTS, proxied.may_misread)),
            (DECISIVE, both(OF_CLIENTS, proxied.misreads_some)),
        ),
    ),
    Rule("RC-FORWARDED", ((CERTAIN, proxied.misread_field),)),
    Rule("RC-PROXYTRUST", ((CERTAIN, proxied.trusts_stranger),)),
    Rule("RC-ADVERTISED", ((DECISIVE, handed_out.unusable),)),
    Rule("RC-SDPTYPE", ((DECISIVE, handed_out.type_of_other_family),)),
    Rule(
        "RC-SIDECHANNEL",
        ((DECISIVE, about("META-009", "META-010")), (DECISIVE, handed_out.side_port_missed)),
        (handed_out.ipv4_fails_too,),
    ),
    Rule("RC-PASVIPV6", ((DECISIVE, handed_out.pasv_over_ipv6),)),
    Rule("RC-VAGUEREFUSAL", ((DECISIVE, about("META-011")),)),
    Rule("RC-U32", ((DECISIVE, handed_out.cut),)),
)
"""Their order is that of `rules`."""
