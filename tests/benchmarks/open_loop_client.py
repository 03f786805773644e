"""A cheap HTTP client in an open loop: each request at its intended moment, whatever became of those before it.

    python -m tests.benchmarks.open_loop_client PORT CONNECTIONS < PLAN > REPORT      (both msgpack)

A request that finds every connection busy waits for one; its time counts from the moment it was meant to be sent, so
a service that stalls is not asked less (no coordinated omission).
"""

import asyncio
import gc
import sys
import time
from collections import deque
from typing import cast

import httptools
import msgspec
import uvloop

HOST = "127.0.0.1"
LONGEST_WAIT_S = 60.0
UNANSWERED = 0


class Plan(msgspec.Struct, frozen=True):
    """Requests by id: their bodies, and when each is to be sent (seconds from the start, rising)."""

    request_ids: list[str]
    bodies: list[bytes]
    arrivals_s: list[float]


class Report(msgspec.Struct, frozen=True):
    """What became of each request: seconds from its moment, status (0: no answer), its own explanations with a text.

    `late_s` is how far the client itself was behind when it turned to each; `cpu_s` what the loop cost.
    """

    taken_s: list[float]
    statuses: list[int]
    explained: list[int]
    late_s: list[float]
    wall_s: float
    cpu_s: float


class _Said(msgspec.Struct):
    explanation_id: str
    text: str


class _Answer(msgspec.Struct):
    explanations: list[_Said]


_ANSWERS = msgspec.json.Decoder(_Answer)


class OpenLoop:
    """Sends a plan over at most `connections` connections, opened as they are needed."""

    def __init__(self, port: int, connections: int, plan: Plan) -> None:
        size = len(plan.bodies)
        self._port = port
        self._plan = plan
        self._messages = [_message(body) for body in plan.bodies]
        self._idle: list[_Connection] = []
        self._may_open = connections
        self._waiting: deque[int] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._left = size
        self._all_done = asyncio.Event()
        self._began = 0.0
        self._taken, self._late = [0.0] * size, [0.0] * size
        self._statuses, self._explained = [UNANSWERED] * size, [0] * size

    async def run(self) -> Report:
        """Send everything; what is unanswered a minute after the last was sent stays so."""
        cpu, self._began = time.process_time(), time.perf_counter()
        for number, at_s in enumerate(self._plan.arrivals_s):
            await asyncio.sleep(max(0.0, at_s - self._now()))
            self._late[number] = self._now() - at_s
            self._waiting.append(number)
            self._send_waiting()
        try:
            await asyncio.wait_for(self._all_done.wait(), LONGEST_WAIT_S)
        except TimeoutError:
            print(f"{self._left} requests were not answered", file=sys.stderr)
        spent = time.process_time() - cpu
        return Report(self._taken, self._statuses, self._explained, self._late, self._now(), spent)

    def answered(self, number: int, status: int, body: bytes) -> None:
        """Note an answer, or with UNANSWERED that there will be none."""
        self._taken[number] = self._now() - self._plan.arrivals_s[number]
        self._statuses[number] = status
        if status == 200:
            self._explained[number] = _explained(self._plan.request_ids[number], body)
        self._left -= 1
        if not self._left:
            self._all_done.set()

    def is_idle(self, connection: "_Connection") -> None:
        """A connection may be used (again)."""
        self._idle.append(connection)
        self._send_waiting()

    def is_lost(self, connection: "_Connection") -> None:
        """A connection is gone; another may be opened instead."""
        if connection in self._idle:
            self._idle.remove(connection)
        self._may_open += 1
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and self._idle:
            number = self._waiting.popleft()
            self._idle.pop().send(number, self._messages[number])
        for _ in range(min(self._may_open, len(self._waiting) - len(self._opening))):
            self._may_open -= 1
            task = asyncio.ensure_future(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: _Connection(self), HOST, self._port)

    def _now(self) -> float:
        return time.perf_counter() - self._began


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, client: OpenLoop) -> None:
        self._client = client
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._number: int | None = None
        self._chunks: list[bytes] = []

    def send(self, number: int, message: bytes) -> None:
        """Send a request; the client is told when it is answered."""
        self._number = number
        if self._transport is not None:
            self._transport.write(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._client.is_idle(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        keep = self._parser.should_keep_alive()
        self._finish(self._parser.get_status_code())
        if keep:
            self._client.is_idle(self)
        elif self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._finish(UNANSWERED)
        self._client.is_lost(self)

    def _finish(self, status: int) -> None:
        body, self._chunks = b"".join(self._chunks), []
        number, self._number = self._number, None
        if number is not None:
            self._client.answered(number, status, body)


def _explained(request_id: str, body: bytes) -> int:
    said = enumerate(_ANSWERS.decode(body).explanations)
    return sum(bool(each.text) and each.explanation_id == f"{request_id}.{place}" for place, each in said)


def _message(body: bytes) -> bytes:
    head = f"POST /v1/explanations HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _run(port: int, connections: int, plan: Plan) -> Report:
    return await OpenLoop(port, connections, plan).run()


def main(port: str, connections: str) -> None:
    """Send the plan of standard input, write the report to standard output."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.freeze()
    report = uvloop.run(_run(int(port), int(connections), plan))
    sys.stdout.buffer.write(msgspec.msgpack.encode(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
