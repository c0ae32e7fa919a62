"""What is concluded from the datagrams that a client of a UDP relay has received."""

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.prober.messages import ReceivedDatagram
from dualstack.world.associations import UdpClient, only_its_own

CLIENT = UdpClient(Family.IPV6, ("2001:db8::c", 20001), ("2001:db8::5", 7000))


def received(*texts: str, address: str = "2001:db8::5", port: int = 7000) -> list[ReceivedDatagram]:
    """Return datagrams with these texts from an address and port."""
    return [ReceivedDatagram(address, port, text) for text in texts]


def test_all_and_no_others() -> None:
    """A client that gets exactly its answers, in any order, from where it sent to, is served."""
    finding = only_its_own(CLIENT, Family.IPV4, ["a", "b"], received("b", "a"))
    assert finding.ok
    assert "the client at [2001:db8::c]:20001 gets the IPv4 server's answers" in finding.expected


@pytest.mark.parametrize(
    ("got", "happened", "symptoms"),
    [
        (received("a"), "1 of 2 are missing", (Symptom.OTHERS_ANSWERS,)),
        (received("a", "b", "c"), "it got 1 that are not for it", (Symptom.OTHERS_ANSWERS,)),
        (received("a", "b", "", ""), "it got 2 that are not for it, 2 of them empty", ()),
        (received("a", "b", "", "c"), "it got 2 that are not for it, 1 of them empty", (Symptom.OTHERS_ANSWERS,)),
        (received("a", "b", port=7001), "they came from [2001:db8::5]:7001", ()),
        (received("a", "b", address="2001:db8::6"), "they came from [2001:db8::6]:7000", ()),
    ],
)
def test_what_is_wrong(got: list[ReceivedDatagram], happened: str, symptoms: tuple[Symptom, ...]) -> None:
    """A missing answer, another client's, an empty one and one from another place are found."""
    finding = only_its_own(CLIENT, Family.IPV4, ["a", "b"], got)
    assert (finding.ok, finding.happened, finding.symptoms) == (False, happened, symptoms)
