"""Root causes: the catalogue, and which causes the facts of a case support."""

from dualstack.causes.catalogue import LANGUAGES, Cause, cause, load_causes
from dualstack.causes.ranking import WITHOUT_CAUSES, Likely, likely

__all__ = ["LANGUAGES", "WITHOUT_CAUSES", "Cause", "Likely", "cause", "likely", "load_causes"]
