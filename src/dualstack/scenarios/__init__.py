"""The scenarios and tables of draft-ietf-v6ops-ipv6-app-testing, and the cases that fill them. Pure."""

from dualstack.scenarios.model import Evidence, Filling, Plan, Row, Scenario, Side
from dualstack.scenarios.tables import DRAFT, ROWS, Draft, pairs_of, rows_of

__all__ = ["DRAFT", "ROWS", "Draft", "Evidence", "Filling", "Plan", "Row", "Scenario", "Side", "pairs_of", "rows_of"]
