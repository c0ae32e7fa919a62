"""The packet diagram of a case: lanes of two ends, lanes of three hosts, packets that one host did not capture."""

import dataclasses
from collections.abc import Callable

from dualstack.report.ladder import Row, ladder
from dualstack.results import Record
from dualstack.timeline import Packet, Station
from tests.report.conftest import packet

MakeRecord = Callable[..., Record]

CLIENT, FRONT = ("2001:db8:1::21", 51000), ("2001:db8:1::1", 8080)
BACK, SERVER = ("198.51.100.1", 40000), ("198.51.100.9", 9000)


def _at(host: str, *packets: Packet) -> tuple[Packet, ...]:
    """Return packets as this host captured them, numbered from 1."""
    return tuple(dataclasses.replace(item, host=host, number=at) for at, item in enumerate(packets, 1))


def _record(make_record: MakeRecord, client: list[Packet], relay: list[Packet], server: list[Packet]) -> Record:
    """Return the record of a relay with these captures."""
    stations = (
        Station("peer", "client", (CLIENT[0],), "client.pcap", _at("peer", *client)),
        Station("service", "relay", (FRONT[0], BACK[0])),
        Station("server", "server", (SERVER[0],), "server.pcap", _at("server", *server)),
    )
    return make_record(packets=_at("service", *relay), stations=stations)


def _rows(record: Record) -> list[Row]:
    """Return the rows of the diagram; it has no gap."""
    rows = [row for row in ladder(record, 60).rows if isinstance(row, Row)]
    assert len(rows) == len(ladder(record, 60).rows)
    return rows


def test_a_packet_of_two_captures_is_one_row(make_record: MakeRecord) -> None:
    """What both ends of a leg captured is one row, between the lanes of these hosts, by time."""
    front, again = packet(1, 1, (CLIENT, FRONT), "TCP SYN"), packet(1, 1.1, (CLIENT, FRONT), "TCP SYN")
    back, answer = packet(1, 2, (BACK, SERVER), "TCP SYN"), packet(2, 3, (SERVER, BACK), "TCP SYN ACK")
    rows = _rows(_record(make_record, [front], [again, back, answer], [back, answer]))
    assert [(row.left, row.right, row.forward, row.missed) for row in rows] == [
        (0, 1, True, -1), (1, 2, True, -1), (1, 2, False, -1)
    ]  # fmt: skip
    assert [row.seen for row in rows] == [{0, 1}, {1, 2}, {1, 2}]


def test_a_packet_that_did_not_arrive_is_named(make_record: MakeRecord) -> None:
    """Of a SYN that was lost and one that was sent again, the first is missing at the relay and the second is not."""
    lost, sent = (packet(1, at, (CLIENT, FRONT), "TCP SYN") for at in (1, 1001))
    rows = _rows(_record(make_record, [lost, sent], [packet(1, 1001.1, (CLIENT, FRONT), "TCP SYN")], []))
    assert [(row.seen, row.missed) for row in rows] == [({0}, 1), ({0, 1}, -1)]


def test_nothing_is_missing_where_packets_are_left_out(make_record: MakeRecord) -> None:
    """A capture of which packets are left out may have any packet, so none is said to be missing."""
    record = _record(make_record, [packet(1, 1, (CLIENT, FRONT), "TCP SYN")], [], [])
    seen = tuple(dataclasses.replace(item, number=9) for item in record.stations[0].packets)
    stations = (dataclasses.replace(record.stations[0], packets=seen), *record.stations[1:])
    (row,) = _rows(dataclasses.replace(record, stations=stations))
    assert row.missed == -1


def test_an_address_of_no_host_is_beyond_the_nearest_lane(make_record: MakeRecord) -> None:
    """A packet with a translated address stays on the leg of the host that captured it, and is not called missing."""
    (row,) = _rows(_record(make_record, [], [], [packet(1, 1, (("64:ff9b::1", 7), SERVER), "TCP SYN")]))
    assert (row.left, row.right, row.forward, row.missed) == (1, 2, True, -1)


def test_without_other_captures_there_are_two_ends(make_record: MakeRecord) -> None:
    """The end that sends first stands on the left, and packets that are left out are counted."""
    drawn = ladder(make_record(), 60)
    assert drawn.stations == ()
    assert [row for row in drawn.rows if isinstance(row, int)] == [12]


def test_a_neighbour_on_another_link_has_no_lane(make_record: MakeRecord) -> None:
    """Its capture is of another link: the packets that the service's host captured are drawn between two ends."""
    dialled, beside = packet(1, 1, (CLIENT, FRONT), "TCP SYN"), packet(1, 2, (CLIENT, SERVER), "TCP SYN")
    stations = (Station("service", "service"), Station("other", "neighbour", (), "other.pcap", _at("other", beside)))
    record = make_record(packets=_at("service", dialled), stations=stations)
    assert ladder(record, 60).stations == ()
    assert [row.ends for row in _rows(record)] == [(dialled.source, dialled.destination)]


def test_a_record_keeps_its_stations(make_record: MakeRecord) -> None:
    """Stations, and packets inside packets, survive the way through records.jsonl."""
    inner = packet(0, 1, (CLIENT, FRONT), "TCP SYN")
    outer = dataclasses.replace(packet(1, 1, (BACK, SERVER), "carries"), inner=inner)
    record = _record(make_record, [outer], [], [])
    assert Record.from_json(record.to_json() | {"packets": []}) == dataclasses.replace(record, packets=())
