#!/bin/sh
# Verifies a service on any machine, without a CI system:
#
#   plain.sh [OPTION-OF-DUALSTACK-RUN...]                 the program, in network namespaces: no root, no Docker
#   plain.sh --image IMAGE [OPTION-OF-DUALSTACK-RUN...]   the image that a build has made, on a machine with Docker
#
# service.toml is beside the code. It says where the service listens and what it connects to. For an image it contains
#
#   [image]
#   name = "shop:under-test"
#
# If dualstack is not installed, DUALSTACK says what to install: a git tag, or the path of a wheel.
# The exit code is dualstack's: 0 all as expected, 1 the service breaks a requirement or does not start, 2 an error in the
# manifest or nothing verified, 3 the lab, dualstack or the machine.
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

# A run cleans up after itself. This removes what a killed run left behind.
dualstack sweep
exit "$code"
