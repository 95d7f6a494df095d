"""A small server of ours asked through the backend for servers, or by the command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opencodeeval.backends import BackendOptions
from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.openai import Patience, open_openai
from opencodeeval.cli.main import main
from opencodeeval.core.types import Completion, Message, Prompt, Sampling
from tests.support.openai_server import Server

GREEDY = Sampling()
EVERYTHING = Sampling(
    temperature=0.7,
    top_k=20,
    min_p=0.05,
    repetition_penalty=1.1,
    presence_penalty=0.5,
    frequency_penalty=-0.5,
    ignore_eos=True,
    chat_template_args={"enable_thinking": False},
    reasoning_effort="high",
)
CHAT: dict[str, Any] = {"text": "", "messages": (Message("user", "hello"),)}


def draw(
    server: Server | list[Server],
    count: int,
    tries: int = 4,
    timeout_s: float = 60.0,
    seen: Callable[[int], None] = lambda _: None,
    sampling: Sampling = GREEDY,
    **prompt: Any,
) -> tuple[list[Completion], str]:
    """The completions, and what was said at the end; `seen` gets the number of those so far."""
    asked = [server] if isinstance(server, Server) else server
    options = BackendOptions(
        base_urls=tuple(each.url for each in asked), request_timeout_s=timeout_s
    )
    backend = open_openai("tiny", options, patience=Patience(tries, 0.02, 0.1, give_up=5))
    found: list[Completion] = []

    async def run() -> str:
        try:
            asked_for = {"text": "p", **prompt}
            requests = [Request(Prompt(f"t/{n}", **asked_for), 0) for n in range(count)]
            async for each in backend.generate(requests, sampling):
                found.append(each)
                seen(len(found))
        except SamplesFailed as error:
            return str(error)
        finally:
            await backend.close()
        return ""

    # The small server answers both kinds of prompts with a message.
    return found, asyncio.run(run())


def command(server: Server, out: Path, *more: str) -> int:
    """The exit status of the command that scores two tasks of `starter`."""
    asked = ["--backend", "openai", "--base-url", server.url, "--model", "tiny", "--bench"]
    asked += ["starter", "--limit", "2", "--sandbox", "local", "--output", str(out)]
    return main([*asked, *more])
