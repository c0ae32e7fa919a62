"""What FORWARD-012 says of a relay that connects to the old address of its server."""

import importlib
from dataclasses import replace

from dualstack.finding import Finding, Symptom
from dualstack.prober.messages import Query

suite = importlib.import_module("dualstack.content.suites.forward.test_names")

NAME = "a-none.aaaa-ttl-0.0123abcd.lab.test"
KEPT = Finding(False, "a client is answered", "nothing reached the server", symptoms=(Symptom.KEPT_ADDRESS,))
QUERY = Query(0.5, "198.51.100.1", 40000, "ipv4", "udp", NAME, "AAAA", "NOERROR", 1)


def test_without_a_query_the_name_is_kept() -> None:
    """The finding says that no query followed the change; queries for other names do not count."""
    other = replace(QUERY, name="other.lab.test")
    found = suite.with_queries(KEPT, NAME, [other])
    assert found.happened == "after the change it sent no queries for the name; nothing reached the server"
    assert found.symptoms == KEPT.symptoms


def test_with_a_query_the_name_is_not_kept() -> None:
    """A relay that has asked again does not reach its server for another reason."""
    found = suite.with_queries(KEPT, NAME, [QUERY])
    assert found.happened == "after the change it sent 1 query for the name; nothing reached the server"
    assert found.symptoms == ()


def test_other_findings_are_left_as_they_are() -> None:
    """Only a finding that the old address was kept is about queries."""
    other = replace(KEPT, symptoms=())
    assert suite.with_queries(other, NAME, [QUERY]) is other
