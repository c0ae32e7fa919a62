"""``[listen.acl]``."""

from collections.abc import Iterator

from pydantic import Field

from dualstack.manifest.base import Table
from dualstack.manifest.faults import Fault
from dualstack.manifest.patterns import Regex
from dualstack.manifest.texts import stands_in

_RULES = {"deny": "address", "allow": "address", "deny_network": "network", "allow_network": "network"}
"""The keys of access rules, and the placeholder that each must have."""


class Acl(Table):
    """How the access list is configured: the text that ``{acl}`` stands for, by meaning."""

    allow_all: str = Field("", description="All clients are allowed; {acl} stands for it unless SEC-001 needs a rule.")
    deny: str | None = Field(None, description='One client is denied; "{address}" stands for its address.')
    allow: str | None = Field(None, description='Only one client is allowed; "{address}" stands for its address.')
    deny_network: str | None = Field(
        None, description='All clients of one network are denied; "{network}" stands for it, e.g. 2001:db8::/64.'
    )
    allow_network: str | None = Field(
        None, description='Only clients of one network are allowed; "{network}" stands for it, e.g. 192.0.2.0/28.'
    )
    denied_response: Regex | None = Field(
        None,
        description="A regular expression for the answer to a denied client; default: a refusal, or no answer.",
    )

    def _has_a_rule(self) -> Iterator[Fault]:
        """Refuse an access list without a rule."""
        if all(getattr(self, key) is None for key in _RULES):
            yield Fault((), 'neither "deny" nor "allow": at least one of them, or of their networks, is needed')

    def _rules_have_their_place(self) -> Iterator[Fault]:
        """Refuse a rule without the address or network that it is about."""
        for key, name in _RULES.items():
            rule = getattr(self, key)
            if rule is not None and not stands_in(name, rule):
                yield Fault((key,), f'{rule!r} lacks the placeholder "{{{name}}}"')

    CHECKS = (_has_a_rule, _rules_have_their_place)
