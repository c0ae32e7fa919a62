"""The report in a real browser: opening, filtering, links, keyboard, small screens, hostile texts."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dualstack.results import Record
from dualstack.timeline import Station
from dualstack.verdict import Verdict
from tests.report.conftest import packet
from tests.report.test_timelines import measured

Show = Callable[..., Path]
MakeRecord = Callable[..., Record]


def _hash(page: Page) -> str:
    """Return the part of the page's address after the ``#``."""
    return str(page.evaluate("decodeURIComponent(location.hash)"))


def test_a_cell_opens_its_first_failing_case(page: Page, show: Show, records: list[Record]) -> None:
    """A cell of the matrix lists its cases, opens the most serious one, and the button "back" undoes that."""
    show(records)
    page.locator("#matrix ~ .scroll .cell.bad").first.click()
    opened = page.locator("details.case[open]")
    expect(opened).to_have_count(1)
    expect(opened.locator("summary")).to_be_focused()
    expect(opened.locator(".verdict b").first).to_have_text("fail.")
    network = "dual-stack-bindv6only"
    assert _hash(page) == f"#LISTEN-005:nginx/both:http@{network}?service=nginx/both&network={network}"
    expect(page.locator("details.case")).to_have_count(3)
    page.go_back()
    expect(page.locator("#shown")).to_have_text(f"{len(records)} cases")


def test_filters_are_in_the_address(page: Page, show: Show, records: list[Record]) -> None:
    """A chosen filter changes the address, and the address restores it: after reloading, going back and forward."""
    report = show(records)
    page.select_option("[name=verdict]", "fail")
    expect(page.locator("#shown")).to_have_text(f"3 of {len(records)} cases")
    page.select_option("[name=service]", "nginx/both")
    assert _hash(page) == "#?verdict=fail&service=nginx/both"
    page.go_back()
    expect(page.locator("#shown")).to_have_text(f"3 of {len(records)} cases")
    page.go_forward()
    expect(page.locator("details.case")).to_have_count(1)
    page.goto("about:blank")
    page.goto(f"{report.as_uri()}#?service=curl&text=kernel+dropped")
    expect(page.locator("details.case")).to_have_count(1)
    expect(page.locator("[name=text]")).to_have_value("kernel dropped")
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#shown")).to_have_text(f"{len(records)} cases")


def test_a_link_to_a_case_opens_it(page: Page, show: Show, records: list[Record]) -> None:
    """The address of a case opens it in full view, also if a filter of the same address does not match it."""
    case = "LISTEN-004:nginx/both:http@ipv4-only-no-af-inet6"
    show(records, f"#{quote(case, safe='')}?verdict=pass")
    opened = page.locator("details.case[open]")
    expect(opened).to_have_count(1)
    expect(opened).to_be_in_viewport()
    assert opened.get_attribute("id") == case
    opened.get_by_role("link", name="link to this case").click()
    expect(opened).to_be_in_viewport()


def test_the_keyboard_is_enough(page: Page, show: Show, records: list[Record]) -> None:
    """Without a mouse: "/" searches, Tab and Enter open a case, arrows choose the language of the advice."""
    show(records)
    page.keyboard.press("/")
    expect(page.locator("[name=text]")).to_be_focused()
    page.keyboard.type("LISTEN-005 fail")
    expect(page.locator("details.case")).to_have_count(1)
    page.locator("[name=text]").press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    tabs = page.get_by_role("tab")
    expect(tabs.first).to_be_visible()
    chosen = page.locator("[role=tab][aria-selected=true]").first
    before = chosen.inner_text()
    chosen.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[role=tab][aria-selected=true]").first).not_to_have_text(before)
    expect(page.locator("[role=tab][aria-selected=true]").first).to_be_focused()


def test_a_row_lists_its_requirements(page: Page, show: Show, records: list[Record]) -> None:
    """A service's name in the matrix opens a row for each of its requirements, whose cells lead to cases."""
    show(records)
    name = page.get_by_role("button", name="nginx/both")
    name.press("Enter")
    expect(page.locator("tr.sub")).to_have_count(4)
    page.locator("tr.sub a.bad").click()
    expect(page.locator("details.case[open]")).to_be_in_viewport()
    name.press("Enter")
    expect(page.locator("tr.sub")).to_have_count(0)


def test_the_advice_is_in_the_services_language(page: Page, show: Show, make_record: MakeRecord) -> None:
    """The first tab of a fix is the language of the service, and it is chosen."""
    show([make_record(Verdict.FAIL, language="Rust")], "#" + quote("LISTEN-001:nginx/both:http@dual-stack", safe=""))
    first = page.locator(".tabs").first.get_by_role("tab").first
    expect(first).to_have_text("Rust")
    expect(first).to_have_attribute("aria-selected", "true")


def test_hostile_texts_do_nothing(page: Page, show: Show, make_record: MakeRecord, hostile: str) -> None:
    """Markup and scripts in a service's name, output, reason and steps are shown as text: none runs or loads."""
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>'\"><svg onload=alert(3)>"
    item = make_record(
        Verdict.FAIL,
        subject=f"a{evil}/b?c#d",
        element=evil,
        log=hostile + evil,
        reason=evil,
        component_logs={evil: evil},
    )
    item = dataclasses.replace(item, capture=f"cases/{evil}/../x.pcap", command=evil, language=evil, causes=(evil,))
    show([dataclasses.replace(item, facts=(evil,))])
    page.locator(".cell.bad").click()
    opened = page.locator("details.case[open]")
    expect(opened).to_have_count(1)
    expect(opened.locator("pre", has_text="alert(3)").first).to_be_visible()
    page.get_by_role("button", name="alert").first.click()
    assert page.locator("main img, main script").count() == 0
    page.reload()
    expect(page.locator("details.case[open]")).to_have_count(1)


def _relayed(make_record: MakeRecord) -> Record:
    """Return the record of a relay: the client's SYN arrives, the server does not capture that of the relay."""
    client, relay, server = ("2001:db8:1::21", 51000), ("2001:db8:1::1", 8080), ("198.51.100.9", 9000)
    back = ("198.51.100.1", 40000), server
    front = packet(1, 1, (client, relay), "TCP SYN")
    stations = (
        Station("peer", "client", ("2001:db8:1::21",), "cases/x/client.pcap", (front,)),
        Station("service", "relay", ("2001:db8:1::1", "198.51.100.1")),
        Station(
            "server", "server", ("198.51.100.9",), "cases/x/server.pcap", (packet(1, 9, back[::-1], "TCP RST ACK"),)
        ),
    )
    own = packet(1, 1.2, (client, relay), "TCP SYN"), packet(2, 2, back, "TCP SYN")
    return make_record(Verdict.FAIL, packets=own, stations=stations)


@pytest.mark.parametrize("width", [1400, 390])
def test_a_relay_has_three_lanes(page: Page, show: Show, make_record: MakeRecord, width: int) -> None:
    """Packets of the front leg are between client and relay, those of the back leg between relay and server."""
    page.set_viewport_size({"width": width, "height": 900})
    item = _relayed(make_record)
    show([item], "#" + quote(item.case, safe=""))
    expect(page.locator(".lanes b")).to_have_text(["Client", "Relay", "Server"])
    boxes = [page.locator(".ladder .leg").nth(at).bounding_box() for at in range(3)]
    front, back, reset = (box for box in boxes if box)
    assert math.isclose(front["x"] + front["width"], back["x"], abs_tol=4)
    assert math.isclose(back["x"], reset["x"], abs_tol=1)
    expect(page.locator(".missed")).to_have_text(["not captured by the server", "not captured by the relay"])
    expect(page.get_by_role("link", name="client.pcap")).to_be_visible()


@pytest.mark.parametrize("services", [1, 40])
def test_no_fault_of_accessibility(
    page: Page, show: Show, make_record: MakeRecord, records: list[Record], services: int
) -> None:
    """Of one service and of forty, with a case open, in light and dark: axe finds no violation."""
    many = [make_record(Verdict.FAIL if at % 7 else Verdict.PASS, subject=f"service-{at}") for at in range(services)]
    show([*many, *records, _relayed(make_record)] if services > 1 else [_relayed(make_record)])
    page.locator(".cell.bad").first.click()
    for scheme in ("light", "dark"):
        page.evaluate("(name) => { document.documentElement.dataset.theme = name; }", scheme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"


def test_nothing_is_cut_at_390_px(page: Page, show: Show, make_record: MakeRecord, records: list[Record]) -> None:
    """On a small screen nothing is wider than the page, with every case open."""
    page.set_viewport_size({"width": 390, "height": 844})
    show([*records, _relayed(make_record)])
    page.evaluate("for (const item of document.querySelectorAll('details')) item.open = true")
    page.wait_for_function("[...document.querySelectorAll('details.case')].every((item) => item.childElementCount > 1)")
    wide = page.evaluate("""[...document.querySelectorAll('main *, header *')]
        .filter((item) => item.getBoundingClientRect().right > innerWidth + 1 && !item.closest('.vh, .picture .wide'))
        .map((item) => item.className + ' ' + item.textContent.slice(0, 40))""")
    assert wide == []


def test_many_cases_are_listed_as_needed(page: Page, show: Show, make_record: MakeRecord) -> None:
    """Of many cases 200 are listed at first, and a link to a later one lists those before it."""
    many = [make_record(subject=f"service-{at:03}") for at in range(450)]
    report = show(many)
    expect(page.locator("details.case")).to_have_count(200)
    page.get_by_role("button", name="Show 200 more of 250").click()
    expect(page.locator("details.case")).to_have_count(400)
    page.goto("about:blank")
    page.goto(f"{report.as_uri()}#{quote(many[-1].case, safe='')}")
    expect(page.locator("details.case[open]")).to_be_in_viewport()


A4 = 718
"""The width of an A4 page in CSS pixels, without its margins."""


def test_nothing_is_cut_in_print(page: Page, show: Show, make_record: MakeRecord) -> None:
    """Nothing is wider than the paper, also no timeline; a dark page is printed light, without filters and buttons."""
    show([measured(), _relayed(make_record), make_record(Verdict.FAIL)])
    page.evaluate("for (const item of document.querySelectorAll('details.case')) item.open = true")
    page.wait_for_function("[...document.querySelectorAll('details.case')].every((item) => item.childElementCount > 1)")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.set_viewport_size({"width": A4, "height": 1000})
    page.emulate_media(media="print")
    wide = page.evaluate("""[...document.querySelectorAll('main *, header *')]
        .filter((item) => item.getBoundingClientRect().right > innerWidth + 1 && !item.closest('.vh'))
        .map((item) => item.className + ' ' + item.textContent.slice(0, 40))""")
    assert wide == []
    assert page.locator("details.case svg.timeline").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 30, 33)"
    for gone in ("#theme", "#filters select", ".command button", '.tabs button[aria-selected="false"]'):
        assert page.locator(gone).count() > 0
        assert not page.locator(gone).first.is_visible()
    expect(page.locator("#shown")).to_have_text("3 cases")
    expect(page.locator(".glossary dd").first).to_be_visible()


def test_every_case_is_printed(page: Page, show: Show, make_record: MakeRecord) -> None:
    """On paper nothing can be pressed to list more cases, so all of them are listed."""
    show([make_record(subject=f"service-{at:03}") for at in range(450)])
    expect(page.locator("details.case")).to_have_count(200)
    page.pdf()
    expect(page.locator("details.case")).to_have_count(450)
