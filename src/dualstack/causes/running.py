"""Facts about how a service runs: signals, restarts, changes of addresses."""

from dualstack.causes.rule import ended
from dualstack.facts import Facts, How, Sign
from dualstack.families import BOTH, WILDCARDS, Family, unmapped
from dualstack.finding import Symptom


def runs_on(facts: Facts) -> str:
    """The service has not ended, and none of its listeners stopped after a reset."""
    return "" if facts.ended or stops_after_reset(facts) else "the service has not ended"


def stops_after_reset(facts: Facts) -> str:
    """One family was served, and has no socket any more after resets: its process or its accept loop has ended."""
    if facts.says(Sign.INTERRUPTED, Sign.ABORTED, Sign.NOT_CONNECTED):
        return ""
    for family in BOTH:
        own = [item.how for item in facts.exchanges if item.family is family]
        later = own[own.index(How.ANSWERED) :] if How.ANSWERED in own else []
        left = [row for row in facts.table if row.port == facts.port and family in row.serves]
        if How.REFUSED in later and facts.table and not left:
            return (
                f"{family.label} clients were answered at first; after resets no socket takes {family.label} any more"
            )
    return ""


def only_resets_said(facts: Facts) -> str:
    """Its output names a reset or a broken pipe, and no interrupted call."""
    line = facts.says(Sign.PIPE, Sign.RESET)
    other = facts.says(Sign.INTERRUPTED, Sign.ABORTED, Sign.NOT_CONNECTED)
    return f'its output says "{line}"' if line and not other else ""


def by_sigpipe(facts: Facts) -> str:
    """SIGPIPE ended it."""
    return "SIGPIPE ended the service" if any(item.signal == "SIGPIPE" for item in facts.starts) else ""


def of_client_error(facts: Facts) -> str:
    """It ended because of an error that concerns one client."""
    line = facts.says(Sign.INTERRUPTED, Sign.ABORTED, Sign.NOT_CONNECTED)
    return f'it ended, and its output says "{line}"' if line and facts.ended else ""


def of_missing_value(facts: Facts) -> str:
    """It ended because something, such as the address of a client that has gone, had no value."""
    line = facts.says(Sign.UNDEFINED)
    return f'it ended, and its output says "{line}"' if line and facts.ended else ""


def loop_ends(facts: Facts) -> str:
    """It runs on, its output has an error that nothing caught, and clients of a family are not accepted any more."""
    line = facts.says(Sign.UNCAUGHT)
    deaf = any(facts.of(family).count(How.KEPT_WAITING, How.REFUSED) and not _accepts(facts, family) for family in BOTH)
    return f'it runs on, and its output says "{line}"' if line and deaf and not facts.ended else ""


def _accepts(facts: Facts, family: Family) -> bool:
    """Return whether the last client of a family was accepted."""
    own = [item.how for item in facts.exchanges if item.family is family and item.port == facts.port]
    return bool(own) and own[-1] not in {How.KEPT_WAITING, How.REFUSED}


def of_broken_pipe(facts: Facts) -> str:
    """It ended because a write failed."""
    line = facts.says(Sign.PIPE)
    return f'it ended, and its output says "{line}"' if line and facts.ended else ""


def of_reset(facts: Facts) -> str:
    """It ended by itself, and its output names a reset connection: no signal ended it, and no write to a closed one."""
    line = facts.says(Sign.RESET)
    other = by_sigpipe(facts) or facts.says(Sign.PIPE, Sign.INTERRUPTED, Sign.ABORTED, Sign.NOT_CONNECTED)
    if not line or other:
        return ""
    return f'it ended, and its output says "{line}"' if facts.ended else _stopped_after_reset(facts, line)


def _stopped_after_reset(facts: Facts, line: str) -> str:
    """Return that the process or accept loop of one family has ended, beside a line of the output."""
    return f'{sentence}, and its output says "{line}"' if (sentence := stops_after_reset(facts)) else ""


def socket_survives(facts: Facts) -> str:
    """A child process keeps a listening socket, although the service has ended."""
    rows = [row for row in facts.table if row.port == facts.port and row.transport == facts.transport]
    busy = facts.says(Sign.IN_USE) and facts.requirement == "LIFE-002" and facts.start.ended
    if rows and busy:
        return f"{rows[0].owner} still listens on {rows[0].address} port {rows[0].port}"
    return "" if facts.happened(Symptom.STILL_RUNS) else facts.happened(Symptom.SOCKET_LEFT)


def does_not_stop(facts: Facts) -> str:
    """It still runs after its stop signal, or has sockets open."""
    sentence = facts.happened(Symptom.STILL_RUNS, Symptom.SOCKET_LEFT)
    return f"after its stop signal {sentence}" if sentence else ""


def stops_uncleanly(facts: Facts) -> str:
    """It ends on its stop signal, with the status of an error, and has no socket open."""
    sentence = "" if does_not_stop(facts) else facts.happened(Symptom.UNCLEAN_END)
    return f"after its stop signal {sentence}" if sentence else ""


def rule_is_lost(facts: Facts) -> str:
    """A client that an access rule denied is served after a reload."""
    return facts.happened(Symptom.RULE_LOST)


def wildcard_still_there(facts: Facts) -> str:
    """Its wildcard sockets are there for every family that it claims, so no address is missing."""
    taken = {
        family
        for row in facts.table
        if row.port == facts.port and unmapped(row.address) in WILDCARDS
        for family in row.serves
    }
    return "its sockets on every address are still there" if taken >= facts.claimed else ""


def answers_moved(facts: Facts) -> str:
    """The service ended, or a finding failed, when an address was added."""
    return ended(facts) or next((item.happened for item in facts.broken), "")


def busy_with_a_client(facts: Facts) -> str:
    """A thread runs without a pause while an idle client is connected, or since it has left."""
    return facts.happened(Symptom.BUSY_WITH_CLIENT)


def busy_without_ipv6(facts: Facts) -> str:
    """A thread runs without a pause where IPv6 sockets do not exist."""
    return facts.happened(Symptom.BUSY_WITHOUT_IPV6)
