"""Fixtures of the tests of runs."""

from tests.support.openai_server import server, servers

__all__ = ["server", "servers"]
