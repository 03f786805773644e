"""Admission: bounds what requests may cost before they are read, and counts how each was answered."""

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import failure
from serving.metrics import ServiceMetrics


class Admission:
    """Pure ASGI. Refuses a POST that is one too many, too slow or too old (503, 408) or too large (413).

    `max_in_flight` bounds the queue by count, `max_wait_s` by age: what waited longer for its turn is
    refused, since its caller has given up. `timer` counts seconds. While `draining()` every answer asks its
    client to connect elsewhere. Requests are computed on the event loop, so turns are taken (see `_Turns`).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: ServiceMetrics,
        timer: Callable[[], float],
        draining: Callable[[], bool],
        max_in_flight: int,
        max_wait_s: float,
        max_body_bytes: int,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._timer = timer
        self._draining = draining
        self._max_in_flight = max_in_flight
        self._max_wait_s = max_wait_s
        self._max_body_bytes = max_body_bytes
        self._in_flight = 0
        self._turns = _Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit or refuse one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._timer()
        answering = _Answering(send, close=self._draining())
        try:
            if scope["method"] == "POST":
                await self._admit(scope, receive, answering)
            else:
                await self._app(scope, receive, answering)
        finally:
            path = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.add(path, str(answering.status))
            self._metrics.latency.observe(self._timer() - started, path)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._in_flight >= self._max_in_flight:
            await self._refuse("too_many", 503, scope, receive, send)
            return
        self._in_flight += 1
        try:
            await self._read_and_pass_on(scope, receive, send)
        finally:
            self._in_flight -= 1

    async def _read_and_pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = self._timer()
        try:
            async with asyncio.timeout(self._max_wait_s):
                body = await _body(receive, self._max_body_bytes)
        except TimeoutError:
            await self._refuse("too_slow", 408, scope, receive, send)
            return
        if body is None:
            await self._refuse("too_large", 413, scope, receive, send)
            return
        await self._turns.take()
        if self._timer() - arrived > self._max_wait_s:
            await self._refuse("too_old", 503, scope, receive, send)
        else:
            await self._app(scope, _Replayed(body, receive), send)

    async def _refuse(self, reason: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.refusals.add(reason)
        await self._refusal(reason, status)(scope, receive, send)

    def _refusal(self, reason: str, status: int) -> Response:
        told = {
            "too_many": f"{self._max_in_flight} requests are being answered; ask again later",
            "too_slow": f"the body did not arrive within {self._max_wait_s:g} s",
            "too_large": f"the body is larger than {self._max_body_bytes} bytes",
            "too_old": f"the request waited longer than {self._max_wait_s:g} s for its turn; ask again later",
        }
        response = failure(status, "Refused", told[reason])
        response.headers["Connection"] = "close"  # the rest of the body is never read
        return response


class _Turns:
    """Lets one request per turn of the event loop begin, in the order in which they came.

    Between two of them the loop reads what has arrived. Without that everything that arrived during one computation
    would be computed at its end, and what arrived during those after them: requests would grow old where nobody
    counts them.
    """

    def __init__(self) -> None:
        self._taken = asyncio.Lock()

    async def take(self) -> None:
        """Wait for a turn; the next one is given once the loop has looked around."""
        await self._taken.acquire()
        asyncio.get_running_loop().call_soon(self._taken.release)


class _Answering:
    """A `send` that notes the status and, if asked, has the connection closed after the answer."""

    def __init__(self, send: Send, *, close: bool) -> None:
        self.status = 500
        self._send = send
        self._close = close

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._close:
                message["headers"] = [*message["headers"], (b"connection", b"close")]
        await self._send(message)


class _Replayed:
    """A `receive` that gives a body that was read already, then whatever the client does next."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _body(receive: Receive, max_bytes: int) -> bytes | None:
    """The whole body, None as soon as it is too large; what a client sent before it left."""
    chunks, size = [], 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            return None
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
