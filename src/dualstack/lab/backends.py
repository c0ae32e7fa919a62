"""The backends, by name; each is imported only when it is used."""

from dualstack.backend_names import DOCKER
from dualstack.lab.protocol import Backend


def make_backend(name: str, run: str = "", worker: str = "", engine: str = "") -> Backend:
    """Return a backend that has made nothing yet.

    Args:
        name: One of `dualstack.backend_names.BACKENDS`.
        run: The run's id, with which a backend labels what may outlive its process.
        worker: Which of the run's processes this is.
        engine: The address of the container engine; without one, that of the environment.
    """
    if name == DOCKER:
        from dualstack.lab.docker.backend import DockerBackend  # noqa: PLC0415 - loads the SDK

        return DockerBackend(run, worker, address=engine)
    from dualstack.lab.netns import NetnsBackend  # noqa: PLC0415 - only what is used is loaded

    return NetnsBackend()
