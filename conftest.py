"""The fixtures of every test below: of the suites, and of the harness's own tests."""

pytest_plugins = ["dualstack.testing"]
