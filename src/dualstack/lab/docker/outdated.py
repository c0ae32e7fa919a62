"""Finds and removes our outdated images: of other versions, of removed folders, and those that were replaced."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dualstack.lab.docker.engine import APIError, Engine, NotFound, explained
from dualstack.lab.docker.images import FOLDER, MADE, machine
from dualstack.lab.docker.labels import RUN, is_dead
from dualstack.lab.docker.own_image import PROBER, prober_tag
from dualstack.manifest.subject import SERVICE_IMAGE

_CONFLICT = 409
_NO_TAG = "<none>:<none>"


def remove_outdated(engine: Engine) -> list[tuple[str, int]]:
    """Remove our outdated images; return name and size in bytes of each.

    An image that a container uses stays. While any run is alive all of them stay: it may be about to use them.

    Raises:
        HarnessError: The engine cannot.
    """
    with explained("the engine's images cannot be listed"):
        if any(not is_dead(item["Labels"]) for item in engine.api.containers(filters={"label": RUN})):
            return []
        listed = engine.api.df().get("Images") or engine.api.images()
    current, removed = prober_tag(engine), []
    for image in listed:
        tags = [tag for tag in image["RepoTags"] or () if tag != _NO_TAG]
        if _is_outdated(tags, image["Labels"] or {}, current):
            identity = str(image["Id"])
            gone = [_remove(engine, name) for name in tags or [identity]]
            if all(gone):
                name = tags[0] if tags else identity.removeprefix("sha256:")[:12]
                removed.append((name, image["Size"] - max(image["SharedSize"], 0)))
    return removed


def _is_outdated(tags: Sequence[str], labels: Mapping[str, str], current: str) -> bool:
    """Return whether an image is ours, and neither the current prober's nor that of a service whose folder exists.

    Args:
        tags: Its names; an image without one was replaced.
        labels: Its labels. Images that others base on ours inherit them, but have other names.
        current: The name of the prober's current image.
    """
    if MADE in labels and tags and all(tag.startswith(f"{PROBER}:") for tag in tags):
        return current not in tags
    if FOLDER not in labels or not all(tag.startswith(f"{SERVICE_IMAGE}:") for tag in tags):
        return False
    where, _, folder = labels[FOLDER].partition(" ")
    return not tags or (where == machine() and not Path(folder).is_dir())


def _remove(engine: Engine, name: str) -> bool:
    """Remove an image; return False if it is in use, or does not exist."""
    with explained(f"image {name} cannot be removed"):
        try:
            engine.api.remove_image(name)
        except NotFound:
            return False
        except APIError as error:
            if error.status_code != _CONFLICT:
                raise
            return False
    return True
