"""The committer thread: writes every waiting record in one durable transaction, then wakes the waiters."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec

from streamrec_explain.audit_log.journal.record import StoredRecord
from streamrec_explain.errors import JournalError

# One durable commit costs the same for 1 as for 500 records; the cap bounds how long the first one waits.
_LARGEST_GROUP = 512


class _Waiting(msgspec.Struct, frozen=True):
    record: StoredRecord
    answer: bytes
    done: Future[bytes]


Write = Callable[[Sequence[StoredRecord], Sequence[bytes]], Sequence[bytes | Exception]]


class GroupCommitter:
    """One thread that hands groups of records to `write` and resolves each record's future with its result.

    `write(records, answers)` must be durable on return and give one result (or error) per record; if it
    raises, every future of the group carries the error.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="journal-committer", daemon=True)
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the records that are not durable yet."""
        return self._waiting_bytes

    def submit(self, record: StoredRecord, answer: bytes) -> Future[bytes]:
        """Queue a record; JournalError once closed."""
        waiting = _Waiting(record, answer, Future())
        with self._lock:
            if self._closed:
                raise JournalError("the journal is closed; nothing more can be appended")
            self._waiting_bytes += len(record.body)
            self._queue.put(waiting)
        return waiting.done

    def close(self) -> None:
        """Write what is queued, then stop; safe to call twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_for_more = True
        while open_for_more:
            group, open_for_more = self._next_group()
            if group:
                self._commit(group)

    def _next_group(self) -> tuple[list[_Waiting], bool]:
        """Block for one record, take what else is waiting; False after the closing mark."""
        group: list[_Waiting] = []
        waiting = self._queue.get()
        while waiting is not None:
            group.append(waiting)
            if len(group) == _LARGEST_GROUP or self._queue.empty():
                return group, True
            waiting = self._queue.get()
        return group, False

    def _commit(self, group: Sequence[_Waiting]) -> None:
        try:
            results = self._write([w.record for w in group], [w.answer for w in group])
        except Exception as error:
            for waiting in group:
                _settle(waiting.done, error)
        else:
            for waiting, result in zip(group, results, strict=True):
                _settle(waiting.done, result)
        finally:
            with self._lock:
                self._waiting_bytes -= sum(len(waiting.record.body) for waiting in group)


def _settle(future: Future[bytes], outcome: bytes | Exception) -> None:
    """Resolve a future unless its waiter gave up: a cancelled request must not end the thread."""
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
