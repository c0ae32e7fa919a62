"""``dualstack schema``: print a JSON schema."""

import argparse
import json

from dualstack.extensions import load_protocols
from dualstack.manifest import Manifest
from dualstack.manifest.document import reference
from dualstack.report.results_schema import results_schema
from dualstack.topology import Topology

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def main(options: argparse.Namespace) -> int:
    """Print the JSON schema of manifests, topologies or results, or the reference of the manifest's keys."""
    if options.markdown:
        print(reference())
        return 0
    if options.results:
        print(json.dumps(results_schema(), indent=2))
        return 0
    load_protocols()  # their names are allowed
    model = Topology if options.topology else Manifest
    schema = {"$schema": _DIALECT} | model.model_json_schema(by_alias=True)
    print(json.dumps(schema, indent=2))
    return 0
