"""Repeats: one request at a time per id, and earlier answers found in every worker's journal."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.repeats import Repeats
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.errors import JournalError
from tests.audit_log.audit_requests import request


@pytest.fixture
def repeats(tmp_path: Path) -> Iterator[Repeats]:
    """Repeats over an empty folder, impatient."""
    made = Repeats(tmp_path, timeout_s=0.1)
    yield made
    made.close()


def test_requests_of_one_id_take_turns(repeats: Repeats) -> None:
    """The second enters when the first has left; another id does not wait."""
    order: list[str] = []

    async def work(name: str, request_id: str) -> None:
        async with repeats.claimed(request_id):
            order.append(f"{name} in")
            await asyncio.sleep(0.01)
            order.append(f"{name} out")

    async def all_at_once() -> None:
        await asyncio.gather(work("first", "a"), work("second", "a"), work("other", "b"))

    asyncio.run(all_at_once())
    assert order.index("first out") < order.index("second in")
    assert order.index("other in") < order.index("first out")


def test_claim_ends_with_an_error(repeats: Repeats) -> None:
    """A request that fails lets go of its id."""

    async def fail_then_work() -> str:
        with pytest.raises(ZeroDivisionError):
            async with repeats.claimed("a"):
                raise ZeroDivisionError
        async with repeats.claimed("a"):
            return "in"

    assert "in" == asyncio.run(fail_then_work())


def _hold(folder: Path, held: "multiprocessing.synchronize.Event") -> None:
    async def hold() -> None:
        async with Repeats(folder).claimed("a"):
            held.set()
            await asyncio.sleep(60)

    asyncio.run(hold())


def test_another_process_holds_its_claim_until_it_is_killed(repeats: Repeats, tmp_path: Path) -> None:
    """While another worker is busy with an id this one gives up; once that one is killed, it goes on."""
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held))
    other.start()
    assert held.wait(30)

    async def claim() -> str:
        async with repeats.claimed("a"):
            return "in"

    with pytest.raises(JournalError, match="answered elsewhere"):
        asyncio.run(claim())
    other.kill()
    other.join()
    assert "in" == asyncio.run(claim())


def test_record_is_found_in_any_journal(repeats: Repeats, tmp_path: Path) -> None:
    """Also in a journal that a worker began after the first look."""
    asked = request(1)
    assert repeats.record_of(asked.request_id) is None
    with Journal(tmp_path / "worker-7.sqlite", clock=lambda: 1) as journal:
        journal.append(asked, b"first")
        found = repeats.record_of(asked.request_id)
    assert found is not None and b"first" == found.answer
    assert repeats.record_of("never") is None
