#!/bin/sh
# Verifies a service on any machine, without a CI system:
#
#   plain.sh [OPTION-OF-DUALSTACK-RUN...]                 the program, in network namespaces: no root, no Docker
#   plain.sh --image IMAGE [OPTION-OF-DUALSTACK-RUN...]   the image that a build has made, on a machine with Docker
#
# service.toml lies beside the code. It says what the service listens on and dials; for an image it names
#
#   [image]
#   name = "shop:under-test"
#
# DUALSTACK says what to install where dualstack is missing: a git tag, or the path of a wheel.
# The exit code is dualstack's: 0 all as expected, 1 the service breaks a requirement or does not start, 2 a mistake in the
# manifest or nothing verified, 3 the machine.
set -eu

if ! command -v dualstack >/dev/null; then
    : "${DUALSTACK:?install dualstack, or set DUALSTACK to what pip is to install: a wheel, or dualstack @ git+URL@TAG}"
    python3 -m venv .dualstack
    .dualstack/bin/pip install --quiet "$DUALSTACK"
    PATH="$PWD/.dualstack/bin:$PATH"
fi

if [ "${1:-}" != --image ]; then
    exec dualstack run service.toml "$@"
fi

image=${2:?usage: plain.sh --image IMAGE [OPTION...]}
shift 2
docker tag "$image" shop:under-test
code=0
dualstack run --lab docker service.toml "$@" || code=$?

# A run clears up after itself; this removes what a killed run has left.
dualstack sweep
exit "$code"
