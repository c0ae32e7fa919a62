"""The ids of cases: whatever names a manifest may give, an id has one reading."""

import re
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from dualstack.casekey import CaseKey
from dualstack.manifest.base import Name
from dualstack.suites import requirements
from dualstack.topology import topology_names


def texts(kind: Any) -> st.SearchStrategy[str]:
    """Return some of the texts that a type of manifests allows."""
    pattern = re.compile(get_args(kind)[1].pattern)
    return st.text("ABZabz0189._+-", min_size=1, max_size=8).filter(pattern.match)


PARTS = st.fixed_dictionaries(
    {
        "requirement": st.sampled_from(sorted(requirements())),
        "subject": texts(Name) | st.tuples(texts(Name), texts(Name)).map("/".join),
        "element": texts(Name),
        "topology": st.sampled_from(topology_names()),
    }
)
"""The parts of an id; a subject is a service or one of its configurations."""


@given(parts=PARTS)
def test_an_id_is_read_back(parts: dict[str, str]) -> None:
    """The id, alone or in the name of a pytest test, has the parts that it was made of; so no two cases share an id."""
    key = CaseKey(**parts)
    assert CaseKey.found_in(str(key)) == key
    assert CaseKey.found_in(f"suites/listen/test_reachability.py::test_ipv6_only[{key}]") == key
