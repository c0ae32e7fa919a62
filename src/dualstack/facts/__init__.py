"""Facts: what was recorded of a case, reduced to plain values that causes are decided by."""

from dualstack.facts.log import Sign, signs_of
from dualstack.facts.model import Exchange, Facts, FamilyFacts, Host, How, Run, Start, Tried
from dualstack.facts.sentences import sentences

__all__ = [
    "Exchange",
    "Facts",
    "FamilyFacts",
    "Host",
    "How",
    "Run",
    "Sign",
    "Start",
    "Tried",
    "sentences",
    "signs_of",
]
