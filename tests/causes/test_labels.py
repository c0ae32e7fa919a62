"""The labelled set is complete, names only what exists, and its page is up to date."""

import tomllib

from dualstack.causes import OWN_CAUSES_ONLY, load_causes
from dualstack.suites import requirements
from dualstack.topology import topology_names
from tests.causes.labels import NONE, PAGE, ZOO, label_of, load, render


def known() -> list[tuple[str, str, str]]:
    """Return service, requirement and topology of each bug that a manifest of the zoo names."""
    found = []
    for path in sorted(ZOO.glob("*.toml")):
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
        own = [f"{path.stem}/{item['name']}" for item in manifest.get("configuration", ())] or [path.stem]
        for entry in manifest.get("known", ()):
            names = entry["requirement"]
            for name in {names} - OWN_CAUSES_ONLY if isinstance(names, str) else sorted({*names} - OWN_CAUSES_ONLY):
                topologies = entry.get("topologies") or requirements()[name].topologies
                found += [(service, name, topology) for service in own for topology in topologies]
    return found


def test_every_bug_has_its_right_cause() -> None:
    """Each bug that a manifest of the zoo names has one label, on every topology."""
    assert [case for case in known() if label_of(*case) is None] == []


def test_every_label_is_of_a_bug() -> None:
    """Every label applies to a bug, its cause exists, and no case has two labels."""
    cases = known()
    for item in load():
        assert any(item.fits(*case) for case in cases), item
        assert item.cause in {NONE, *load_causes()}
        assert set(item.requirement) <= set(requirements())
        assert set(item.topologies) <= set(topology_names())
        assert item.why.endswith(".")
    assert [case for case in cases if sum(item.fits(*case) for item in load()) > 1] == []


def test_the_page_is_of_the_labels() -> None:
    """docs/causes.md is what ``python -m tests.causes.labels`` writes."""
    assert PAGE.read_text(encoding="utf-8") == render()
