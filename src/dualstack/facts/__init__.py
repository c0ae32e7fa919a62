"""Facts: what was recorded of a case, as plain values from which causes are derived."""

from dualstack.facts.log import Sign, matches, signs_of
from dualstack.facts.model import Facts, fare_alike, untried
from dualstack.facts.sentences import ALIKE, once, sentences
from dualstack.facts.values import Exchange, FamilyFacts, Host, How, Run, Start, Tried

__all__ = [
    "ALIKE",
    "Exchange",
    "Facts",
    "FamilyFacts",
    "Host",
    "How",
    "Run",
    "Sign",
    "Start",
    "Tried",
    "fare_alike",
    "matches",
    "once",
    "sentences",
    "signs_of",
    "untried",
]
