"""Root causes: the catalogue, and which causes the facts of a case support."""

from dualstack.causes.catalogue import LANGUAGES, Cause, cause, load_causes
from dualstack.causes.ranking import OWN_CAUSES_ONLY, Likely, likely

__all__ = ["LANGUAGES", "OWN_CAUSES_ONLY", "Cause", "Likely", "cause", "likely", "load_causes"]
