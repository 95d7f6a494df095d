"""Completions from a model that Hugging Face transformers runs in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from opencodeeval.backends import transformers_model as loading
from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.adapters import Variant, check_base, variant_of, variants
from opencodeeval.backends.base import Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.models import find_model, weight_digest
from opencodeeval.backends.options import BackendOptions
from opencodeeval.backends.rendering import (
    about_tokenizer,
    load_tokenizer,
)
from opencodeeval.backends.transformers_writer import Job, Writer
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, ModelType, Sampling, Task

_CLOSED = "the model was closed while answers were awaited: open the backend again"


def open_transformers(
    model: str, options: BackendOptions, tasks: Sequence[Task] = ()
) -> TransformersBackend:
    """Find a model, check what can be checked cheaply, and load it.

    Raises:
        UsageError: an option that does not exist here, or has no such value.
        BackendError: the model cannot be used.
    """
    if options.batch_size < 1:
        raise UsageError(f"the batch size must be at least 1, got {options.batch_size}")
    source = find_model(model, options.revision, options.tokenizer)
    adapters = [find_adapter(name) for name in dict.fromkeys(options.lora)]
    loading.require_torch()
    loading.require_peft(adapters)
    for adapter in adapters:
        check_base(adapter, source, options.trust_remote_code)
    tokenizer = load_tokenizer(source, options.tokenizer, options.trust_remote_code)
    offered = variants(tokenizer, adapters, options.model_type, model)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # Read the weights for their digest while they are loaded.
        digesting = None
        if source.folder and not source.commit:
            digesting = pool.submit(weight_digest, source.folder)
        loaded = loading.load_model(source, options)
        digest = digesting.result() if digesting else None
    context = loading.context_of(loaded, options.max_model_len)
    settings = loading.describe(loaded, options)
    use_adapter = loading.add_adapters(loaded, adapters)
    identity = {
        "backend": "transformers",
        "model": source.recorded,
        **options.label(),
        "revision": source.commit,
        "weights_digest": digest,
        "max_model_len": context,
        **settings,
        **about_tokenizer(options.tokenizer, tokenizer),
    }
    writer = Writer(loaded, tokenizer, context, options.batch_size, use_adapter)
    return TransformersBackend(_Opened(writer, identity, offered), offered[0])


class _Opened:
    """What all variants of a loaded model have in common."""

    def __init__(
        self, writer: Writer, identity: Mapping[str, Any], offered: Sequence[Variant]
    ) -> None:
        self.writer: Writer | None = writer
        self.identity = identity
        self.offered = offered
        self.closed = threading.Event()
        # One thread: a model writes one batch at a time, and the event loop never waits.
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transformers")


class TransformersBackend:
    """One variant of a loaded model; see `open_transformers`."""

    capabilities = Capabilities(thinking_budget=True, overlapping_calls=True)

    def __init__(self, opened: _Opened, variant: Variant) -> None:
        self.model_type: ModelType = variant.model_type
        self._opened = opened
        self._variant = variant

    def identity(self) -> Mapping[str, Any]:
        return {**self._opened.identity, **self._variant.identity()}

    def with_adapter(self, name: str) -> TransformersBackend:
        """The same loaded model with another of the adapters that it was opened with.

        Raises:
            UsageError: it was opened without this adapter.
        """
        return TransformersBackend(self._opened, variant_of(self._opened.offered, name))

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        opened = self._opened
        if opened.writer is None or opened.closed.is_set():
            raise BackendError(_CLOSED)
        writer = opened.writer.for_variant(self._variant)
        loop = asyncio.get_running_loop()
        finished: asyncio.Queue[Completion | None] = asyncio.Queue()
        unwanted = threading.Event()
        job = Job(
            sampling,
            lambda completion: loop.call_soon_threadsafe(finished.put_nowait, completion),
            lambda: unwanted.is_set() or opened.closed.is_set(),
        )
        work = loop.run_in_executor(opened.thread, writer.work, requests, job)
        work.add_done_callback(lambda _: finished.put_nowait(None))
        awaited = len(requests)
        try:
            while (completion := await finished.get()) is not None:
                awaited -= 1
                yield completion
            await work
        finally:
            unwanted.set()
            await asyncio.wait([work])
        if awaited:
            raise BackendError(_CLOSED)

    async def close(self) -> None:
        self._opened.closed.set()
        # Waits for the end of a step, as a batch looks at the flag after each.
        await asyncio.to_thread(self._opened.thread.shutdown)
        self._opened.writer = None
        loading.free_memory()


BACKEND = Opener(open_transformers, takes_adapters=True)
