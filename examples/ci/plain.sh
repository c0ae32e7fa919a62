#!/bin/sh
# Verifies the image that a build has made, on any machine with Docker:
#
#   plain.sh IMAGE [OPTION-OF-DUALSTACK-RUN...]
#
# service.toml lies beside the code. It says what the service listens on and dials, and names the image:
#
#   [image]
#   name = "shop:under-test"
#
# The exit code is dualstack's: 0 all as expected, 1 the service breaks a requirement or does not start, 2 a mistake in the
# manifest or nothing verified, 3 the machine.
set -eu

image=${1:?usage: plain.sh IMAGE [OPTION...]}
shift

docker tag "$image" shop:under-test

if ! command -v dualstack >/dev/null; then
    python3 -m venv .dualstack
    .dualstack/bin/pip install --quiet dualstack
    PATH="$PWD/.dualstack/bin:$PATH"
fi

code=0
dualstack run --lab docker service.toml "$@" || code=$?

# A run clears up after itself; what one has left that was killed goes now, or with the next run.
dualstack sweep
exit "$code"
