"""What META-003, META-004 and META-009 say of session descriptions and refused media, without a lab."""

import importlib

import pytest

from dualstack.families import Family
from dualstack.finding import Symptom
from dualstack.protocols.sdp import SdpAddress

suite = importlib.import_module("dualstack.content.suites.advertise.test_rtsp")

OWN = "2001:db8:51:1::101"
F4, F6 = Family.IPV4, Family.IPV6


def test_a_right_address_with_a_wrong_type_is_no_wrong_address() -> None:
    """The type alone is wrong; the quoted words are those of the description."""
    finding = suite.judged(SdpAddress("o=", "IN", "IP4", OWN), F6, [OWN])
    assert finding.symptoms == (Symptom.ADDRESS_TYPE,)
    assert finding.happened == f'the line o= has "IN IP4 {OWN}": the type of this address is IP6 (RFC 8866 §5.7)'


@pytest.mark.parametrize(
    ("kind", "host"), [("IP4", "198.51.100.1"), ("IP6", "::1"), ("IP4", "::1"), ("IP4", "2001:db8:51:1::999")]
)
def test_a_wrong_address_is_unusable_whatever_its_type_is(kind: str, host: str) -> None:
    """An address that the client cannot use is the fault, also beside a wrong type."""
    assert suite.judged(SdpAddress("o=", "IN", kind, host), F6, [OWN]).symptoms == (Symptom.UNUSABLE_ADDRESS,)


def test_a_right_line_has_no_symptom() -> None:
    """Type and address of the client's family are right."""
    finding = suite.judged(SdpAddress("c= of the session", "IN", "IP6", OWN), F6, [OWN])
    assert finding.ok
    assert finding.symptoms == ()


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([405, 405], True),
        ([461], True),
        ([405], True),
        ([500, 500], True),
        ([500], False),
        ([200, 405], False),
        ([404, 500], False),
        ([0, 0], False),
        ([200, 200], False),
        ([], False),
    ],
)
def test_what_is_refused_over_both_families_is_no_matter_of_families(
    statuses: list[int],
    expected: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """The same error over both families, or one that says that the service does not offer it, is not judged."""
    assert suite.refused_alike(statuses) is expected
