"""The answer to a batch: a line for each request, as soon as there is one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from opencodeeval.serve.dispatch import Place
from opencodeeval.serve.messages import BatchLine, GradeRequest
from opencodeeval.serve.refusals import Refused, bad_request

if TYPE_CHECKING:
    from opencodeeval.serve.app import Service

_requests = msgspec.json.Decoder(GradeRequest)
_lines = msgspec.json.Encoder()


class BatchAnswer(Response):
    """JSON Lines, one for each request of the batch, in the order of their verdicts."""

    media_type = "application/x-ndjson"

    def __init__(self, service: Service, asked: Sequence[msgspec.Raw], client: str) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._service, self._asked, self._client = service, asked, client
        # Kept at once, so that batches that come together do not fill the queue twice.
        self._places = [Place(service.dispatcher) for _ in asked]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; what is not graded when the client leaves is not run."""
        began = time.monotonic()
        lines: asyncio.Queue[BatchLine | None] = asyncio.Queue()

        async def grade(index: int, raw: msgspec.Raw) -> None:
            lines.put_nowait(await self._line(index, raw, began))

        async def leave() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            lines.put_nowait(None)

        tasks = [asyncio.create_task(grade(*each)) for each in enumerate(self._asked)]
        tasks.append(asyncio.create_task(leave()))
        try:
            await self._send(send, "http.response.start")
            left = len(self._asked)
            while left:
                ready = [await lines.get()]
                while not lines.empty():
                    ready.append(lines.get_nowait())
                if None in ready:
                    return
                left -= len(ready)
                text = b"".join(_lines.encode(each) + b"\n" for each in ready)
                await self._send(send, "http.response.body", text)
            await self._send(send, "http.response.body", last=True)
        except OSError:
            pass  # the client is gone
        finally:
            for task in tasks:
                task.cancel()
            for place in self._places:
                place.release()

    async def _line(self, index: int, raw: msgspec.Raw, began: float) -> BatchLine:
        place = self._places[index]
        try:
            try:
                asked = _requests.decode(raw)
            except (msgspec.DecodeError, RecursionError) as error:
                raise bad_request(f"the request cannot be read: {error}") from None
            result = await self._service.graded(asked, self._client, began, place)
        except Refused as refused:
            self._service.measures.refused(refused.status)
            return BatchLine(
                index=index,
                status=refused.status,
                error=str(refused),
                retry_after_s=refused.retry_after_s,
            )
        finally:
            place.release()
        return BatchLine(index=index, status=200, result=result)

    async def _send(self, send: Send, kind: str, body: bytes = b"", last: bool = False) -> None:
        message: dict[str, object] = {"type": kind}
        if kind == "http.response.start":
            message |= {"status": 200, "headers": self.raw_headers}
        else:
            message |= {"body": body, "more_body": not last}
        # A client that reads nothing is disconnected by the kernel (server.py).
        await send(message)
