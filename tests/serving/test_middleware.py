"""Admission: what is refused before it is read, over a five-line app."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from serving.metrics import ServiceMetrics
from serving.middleware import Admission


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


def admission(app: Callable[..., Any] = echo, *, draining: bool = False, **bounds: Any) -> Admission:
    """The middleware with small bounds around an app."""
    chosen = {"max_in_flight": 2, "max_wait_s": 0.2, "max_body_bytes": 10} | bounds
    timer = chosen.pop("timer", time.perf_counter)
    return Admission(app, metrics=ServiceMetrics(), timer=timer, draining=lambda: draining, **chosen)


async def ask(app: Admission, *chunks: bytes, method: str = "POST", endless: bool = False) -> list[Message]:
    """What the app sends for a body in chunks; an endless one never ends."""
    sent: list[Message] = []
    left = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if not endless:
        left[-1]["more_body"] = False

    async def receive() -> Message:
        return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value]

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return sent


def status_of(sent: list[Message]) -> int:
    """The status of an answer."""
    return int(sent[0]["status"])


def test_body_within_the_bound_arrives_whole() -> None:
    """Chunks are put together for the app."""
    sent = asyncio.run(ask(admission(), b"01234", b"56789"))
    assert (200, b"0123456789") == (status_of(sent), sent[1]["body"])


def test_large_body_is_refused_before_it_ends() -> None:
    """413 as soon as the bound is passed, though the client would go on for ever; the connection is closed."""
    sent = asyncio.run(ask(admission(), b"01234", b"567890", endless=True))
    assert 413 == status_of(sent)
    assert (b"connection", b"close") in [(name.lower(), value) for name, value in sent[0]["headers"]]


def test_slow_body_is_refused() -> None:
    """408 for a client that stops in the middle."""
    assert 408 == status_of(asyncio.run(ask(admission(max_wait_s=0.02), b"0", endless=True)))


def test_request_that_waited_too_long_is_refused() -> None:
    """503 with Retry-After: its caller has given up, so computing would only delay the others."""
    times = iter([0.0, 0.0, 5.0, 5.0])
    sent = asyncio.run(ask(admission(timer=lambda: next(times)), b"0"))
    assert (503, "Refused") == (status_of(sent), msgspec.json.decode(sent[1]["body"])["error"])
    assert (b"retry-after", b"1") in sent[0]["headers"]


def test_one_request_too_many_is_refused_at_once() -> None:
    """While two are being answered a third POST gets 503, and a GET (a probe) still passes."""

    async def crowd() -> list[int]:
        free = asyncio.Event()

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["method"] == "POST":
                await free.wait()
            await PlainTextResponse("done")(scope, receive, send)

        app = admission(slow)
        first = [asyncio.create_task(ask(app, b"0")) for _ in range(2)]
        await asyncio.sleep(0)
        late = [status_of(await ask(app, b"0")), status_of(await ask(app, b"0", method="GET"))]
        free.set()
        return [*late, *map(status_of, await asyncio.gather(*first, ask(app, b"0")))]

    assert [503, 200, 200, 200, 200] == asyncio.run(crowd())


def statuses_of_a_crowd(size: int, **bounds: Any) -> list[int]:
    """What so many requests that arrive at once get from an app that computes 0.1 s of the clock for each."""
    clock = [0.0]

    async def computing(scope: Scope, receive: Receive, send: Send) -> None:
        clock[0] += 0.1
        await PlainTextResponse("done")(scope, receive, send)

    async def crowd() -> list[int]:
        app = admission(computing, timer=lambda: clock[0], **bounds)
        return [status_of(sent) for sent in await asyncio.gather(*(ask(app, b"0") for _ in range(size)))]

    return asyncio.run(crowd())


def test_a_crowd_is_bounded_by_count() -> None:
    """The first is computed before the others are looked at; of those as many wait as may, none of the rest."""
    assert [200] * 4 + [503] * 6 == statuses_of_a_crowd(10, max_in_flight=3, max_wait_s=9.0)


def test_a_crowd_is_bounded_by_age() -> None:
    """They take turns in the order in which they came; those whose turn comes too late are not computed any more."""
    assert [200] * 4 + [503] * 6 == statuses_of_a_crowd(10, max_in_flight=99, max_wait_s=0.25)


def test_what_arrives_meanwhile_is_seen_between_two_turns() -> None:
    """A probe that comes while requests wait is answered after the one being computed, not after all of them."""

    async def order() -> list[str]:
        ended: list[str] = []

        async def asked(name: str, method: str = "POST") -> None:
            await ask(app, b"0", method=method)
            ended.append(name)

        async def probe() -> None:
            await asyncio.sleep(0)
            await asked("probe", "GET")

        app = admission(max_in_flight=9)
        await asyncio.gather(*(asked(f"list {number}") for number in range(5)), probe())
        return ended

    assert asyncio.run(order()).index("probe") < 3


@pytest.mark.parametrize("draining", [True, False])
def test_draining_closes_connections(draining: bool) -> None:
    """A service that is about to end sends its clients elsewhere after their answer."""
    sent = asyncio.run(ask(admission(draining=draining), b"0"))
    assert draining == ((b"connection", b"close") in sent[0]["headers"])


def test_failing_app_is_counted_as_500() -> None:
    """An error that the app lets through is counted, and no place in the queue is lost."""

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    app = admission(broken, max_in_flight=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            asyncio.run(ask(app, b"0"))
    assert {("none", "500"): 2.0} == app._metrics.requests.values
