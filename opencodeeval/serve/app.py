"""The HTTP interface: what is read, who may ask, and how each answer is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from opencodeeval import __version__
from opencodeeval.serve import refusals
from opencodeeval.serve.batches import BatchAnswer
from opencodeeval.serve.dispatch import Dispatcher, Place
from opencodeeval.serve.fusion import Fusion, as_told_there
from opencodeeval.serve.measures import Measures
from opencodeeval.serve.messages import BatchRequest, GradeRequest, GradeResult
from opencodeeval.serve.openapi import openapi
from opencodeeval.serve.refusals import Refused
from opencodeeval.serve.served import Served
from opencodeeval.serve.tokens import Tokens

# A client that went away is sent this, which nobody reads: it is for the metrics.
GONE = 499

_requests = msgspec.json.Decoder(GradeRequest)
_batches = msgspec.json.Decoder(BatchRequest)
_json = msgspec.json.Encoder()

Answer = TypeVar("Answer")
Handler = Callable[[Request, str], Awaitable[Response]]


class Service:
    """One server: its benchmarks, its queue, its clients.

    Bodies of a request may have `body_bytes`, those of a batch `batch_bytes`.
    """

    def __init__(
        self,
        served: Served,
        dispatcher: Dispatcher,
        tokens: Tokens,
        *,
        body_bytes: int = 16 << 20,
        batch_bytes: int = 256 << 20,
    ) -> None:
        self.served, self.dispatcher, self.tokens = served, dispatcher, tokens
        self.body_bytes, self.batch_bytes = body_bytes, batch_bytes
        self.measures = Measures(dispatcher)
        self.fusion = Fusion(served, dispatcher, self.measures)
        self.ready = False

    def app(self) -> Starlette:
        """The ASGI application; its lifespan begins and ends the grading."""
        return Starlette(
            routes=[
                Route("/grade", self._guarded(self._grade), methods=["POST"]),
                Route("/grade/batch", self._guarded(self._batch), methods=["POST"]),
                Route("/specs/{digest}", self._guarded(self._put), methods=["PUT"]),
                Route("/parts/{sha256}", self._guarded(self._put_part), methods=["PUT"]),
                Route("/benches", self._guarded(self._benches), methods=["GET"]),
                Route("/metrics", self._guarded(self._metrics), methods=["GET"]),
                *self._fusion_routes(),
                Route("/health", self._health, methods=["GET"]),
                Route("/ready", self._ready, methods=["GET"]),
                Route("/openapi.json", self._openapi, methods=["GET"]),
            ],
            exception_handlers={404: _no_such_page, 405: _no_such_method},
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.dispatcher.start()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            await self.dispatcher.close()

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The handler for clients that are known; what it refuses is told as an error status."""

        async def handle(request: Request) -> Response:
            client = self.tokens.client(request.headers)
            try:
                if client is None:
                    raise Refused(401, "no valid token: send `Authorization: Bearer TOKEN`")
                return await handler(request, client)
            except Refused as refused:
                self.measures.refused(refused.status)
                return refusal(refused)

        return handle

    async def _grade(self, request: Request, client: str) -> Response:
        began = time.monotonic()
        asked = parsed(_requests, await _body(request, self.body_bytes))
        result = await _while_there(request, self.graded(asked, client, began))
        if result is None:
            self.measures.refused(GONE)
            return Response(status_code=GONE)
        return Response(_json.encode(result), media_type="application/json")

    async def graded(
        self, asked: GradeRequest, client: str, began: float, place: Place | None = None
    ) -> GradeResult:
        """The answer to one request, which came at `began` (monotonic).

        `place` is the one in the queue that was kept for it, if one was.

        Raises:
            Refused: there is no verdict.
        """
        if self.served.at_hand(asked):
            wanted = self.served.wanted(asked)
        else:
            wanted = await asyncio.to_thread(self.served.wanted, asked)
        grade = wanted.grade
        if grade is None:
            left = None
            if asked.deadline_s is not None:
                left = asked.deadline_s - (time.monotonic() - began)
                if left <= 0:
                    raise refusals.too_late()
            job = wanted.job(client, asked.priority)
            grade = await self.dispatcher.grade(job, left, place)
        result = wanted.result(grade)
        self.measures.graded(result, time.monotonic() - began)
        return result

    async def _batch(self, request: Request, client: str) -> Response:
        asked = parsed(_batches, await _body(request, self.batch_bytes)).requests
        if len(asked) > self.dispatcher.capacity:
            most = self.dispatcher.capacity
            raise Refused(413, f"a batch may have {most} requests here, and this has {len(asked)}")
        if len(asked) > self.dispatcher.room:
            raise refusals.too_many(self.dispatcher.retry_after_s())
        return BatchAnswer(self, asked, client)

    def _fusion_routes(self) -> list[Route]:
        """SandboxFusion's addresses (fusion.py)."""
        works = {"/run_code": self.fusion.run_code, "/submit": self.fusion.submit}

        def handler(work: Callable[[bytes, str], Awaitable[Any]]) -> Handler:
            async def handle(request: Request, client: str) -> Response:
                try:
                    body = await _body(request, self.body_bytes)
                    result = await _while_there(request, work(body, client))
                except Refused as refused:
                    raise as_told_there(refused) from None
                if result is None:
                    self.measures.refused(GONE)
                    return Response(status_code=GONE)
                return Response(_json.encode(result), media_type="application/json")

            return handle

        return [
            Route(path, self._guarded(handler(work)), methods=["POST"])
            for path, work in works.items()
        ]

    async def _put(self, request: Request, client: str) -> Response:
        body = await _body(request, self.body_bytes)
        content = parsed(msgspec.json.Decoder(), body)
        await asyncio.to_thread(self.served.put, request.path_params["digest"], content)
        return Response(status_code=204)

    async def _put_part(self, request: Request, client: str) -> Response:
        body = await _body(request, self.batch_bytes)
        sha256 = request.path_params["sha256"]
        await asyncio.to_thread(self.served.parts.put, sha256, body)
        return Response(status_code=204)

    async def _benches(self, request: Request, client: str) -> Response:
        return Response(_json.encode(self.served.list()), media_type="application/json")

    async def _metrics(self, request: Request, client: str) -> Response:
        return Response(self.measures.text(), media_type="text/plain; version=0.0.4")

    async def _health(self, request: Request) -> Response:
        said = {"status": "ok", "version": __version__}
        return Response(_json.encode(said), media_type="application/json")

    async def _ready(self, request: Request) -> Response:
        if not self.ready or self.dispatcher.closed:
            return refusal(refusals.closing())
        about = self.dispatcher.about()
        # A body that a client reads as a refusal too.
        status = 200 if about.slots else 503
        return Response(_json.encode(about), status, media_type="application/json")

    async def _openapi(self, request: Request) -> Response:
        return Response(_json.encode(openapi()), media_type="application/json")


def refusal(refused: Refused) -> Response:
    """A refusal as an answer."""
    headers = {}
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(refused.retry_after_s)))
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = _json.encode(refused.body())
    return Response(body, refused.status, headers, media_type="application/json")


def parsed(decoder: msgspec.json.Decoder[Answer], body: bytes | msgspec.Raw) -> Answer:
    """The JSON of a body.

    Raises:
        Refused: it is none, or not of the form that is expected.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise refusals.bad_request(f"the body cannot be read: {error}") from None


async def _body(request: Request, most: int) -> bytes:
    """The body, of which no more is read than it may have."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise refusals.too_large("the body", most)
        parts.append(part)
    return b"".join(parts)


async def _while_there(request: Request, work: Awaitable[Answer]) -> Answer | None:
    """What the work gives; None if the client went away, for whom nothing is run then."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for each in (working, leaving):
            each.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _no_such_page(request: Request, error: Any) -> Response:
    said = f"there is no {request.url.path} here: see /openapi.json"
    return refusal(Refused(404, said))


async def _no_such_method(request: Request, error: Any) -> Response:
    said = f"{request.url.path} does not take {request.method}: see /openapi.json"
    return refusal(Refused(405, said))
