"""``dualstack run --compose``: writes the manifest of a compose service, which is then run like any other.

With ``--watch`` it is written again after each change of the compose file.
"""

import argparse
import sys
from pathlib import Path

from dualstack.backend_names import DOCKER
from dualstack.errors import UsageError
from dualstack.session import RESULTS


def take_compose(options: argparse.Namespace) -> None:
    """Make the manifest that ``--compose`` and ``--service`` name the one that is run, if the options fit.

    Raises:
        UsageError: The options do not fit, or the compose file is wrong.
    """
    if options.compose is None:
        if options.service or options.save:
            raise UsageError("--service and --save belong to --compose")
        if not options.manifest:
            raise UsageError("no manifest; name one (dualstack run service.toml), or use --compose and --service")
        return
    if not options.service or options.manifest:
        raise UsageError("--compose needs --service NAME, the service that is verified, and no manifest")
    if options.lab != DOCKER:
        raise UsageError("--compose runs the images of its services: add --lab docker")
    if options.watch and options.save:
        raise UsageError("--save keeps a manifest for you to edit: run that one with --watch, without --compose")
    convert(options)


def convert(options: argparse.Namespace) -> None:
    """Write the manifest of a compose service, unless this process did and it is the same; print what is not honoured.

    Without ``--save`` it is written to the folder of results, where the commands that repeat a case find it.

    Raises:
        UsageError: The compose file is wrong, or the manifest cannot be written.
    """
    # Reading it takes what `try` is made of, and most runs have no compose file.
    from dualstack.compose.convert import manifest_of  # noqa: PLC0415
    from dualstack.trying.drafting import save  # noqa: PLC0415

    results = options.results or Path(RESULTS)
    path = options.save or results / "compose" / f"{options.service}.toml"
    text, notes = manifest_of(options.compose, options.service, path.absolute())
    if options.manifest and path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    for note in notes:
        print(f"dualstack: {note}", file=sys.stderr)
    if options.save is not None:
        save(text, path)
    else:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    options.manifest = [path]
