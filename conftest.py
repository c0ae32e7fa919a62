"""The fixtures of every test below: of the suites, and of a team's own tests."""

pytest_plugins = [
    "dualstack.content.fixtures.lab",
    "dualstack.content.fixtures.names",
    "dualstack.content.fixtures.prober",
    "dualstack.content.fixtures.service",
    "dualstack.content.fixtures.wire",
    "dualstack.content.fixtures.world",
]
