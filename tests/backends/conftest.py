"""Fixtures of the backends' tests."""

from tests.support.openai_server import server, servers

__all__ = ["server", "servers"]
