"""All predicates over packets.

Each takes a capture and returns a `dualstack.finding.Finding`. It raises `dualstack.errors.Inconclusive` if the capture
allows no conclusion: it has no frame of the flow, frames were dropped, or a frame must be absent without a witness.
"""

from dualstack.rfc6052 import embed
from dualstack.wire.advertised import flow_outlives_advertisements, served_amid_advertisements
from dualstack.wire.attempts import Attempt, Fate, attempts
from dualstack.wire.datagrams import (
    from_any_port,
    group_answered,
    require_errors,
    udp6_checksum,
    udp_datagrams,
    udp_large_answer,
    udp_reply_address,
    udp_reply_port,
    udp_spoofed_unanswered,
    udp_survives_errors,
)
from dualstack.wire.dialling import (
    answered,
    arrived,
    families_of_flow,
    no_family_from,
    refused,
    syn_family,
)
from dualstack.wire.dns import dns_answers, dns_queries
from dualstack.wire.eyeballs import attempt_delay, attempts_apart, families_alternate, losers_closed, losers_quiet
from dualstack.wire.formatting import conversation
from dualstack.wire.pathmtu import keeps_whole, path_mtu_heeded, path_mtu_learned, too_large_is_sent_again
from dualstack.wire.presence import absent, present, stays_inside
from dualstack.wire.racing import Race, race
from dualstack.wire.routing import leaves_through_router
from dualstack.wire.streams import carries_resets, half_close, half_closes, outlives_resets, require_pieces
from dualstack.wire.template import Template
from dualstack.wire.told import no_own_address
from dualstack.wire.transition import (
    TooBig,
    mtu_respected,
    nat64_destination,
    no_mapped_on_wire,
    packets_too_big,
    tunnelled,
)

__all__ = [
    "Attempt",
    "Fate",
    "Race",
    "Template",
    "TooBig",
    "absent",
    "answered",
    "arrived",
    "attempt_delay",
    "attempts",
    "attempts_apart",
    "carries_resets",
    "conversation",
    "dns_answers",
    "dns_queries",
    "embed",
    "families_alternate",
    "families_of_flow",
    "flow_outlives_advertisements",
    "from_any_port",
    "group_answered",
    "half_close",
    "half_closes",
    "keeps_whole",
    "leaves_through_router",
    "losers_closed",
    "losers_quiet",
    "mtu_respected",
    "nat64_destination",
    "no_family_from",
    "no_mapped_on_wire",
    "no_own_address",
    "outlives_resets",
    "packets_too_big",
    "path_mtu_heeded",
    "path_mtu_learned",
    "present",
    "race",
    "refused",
    "require_errors",
    "require_pieces",
    "served_amid_advertisements",
    "stays_inside",
    "syn_family",
    "too_large_is_sent_again",
    "tunnelled",
    "udp6_checksum",
    "udp_datagrams",
    "udp_large_answer",
    "udp_reply_address",
    "udp_reply_port",
    "udp_spoofed_unanswered",
    "udp_survives_errors",
]
