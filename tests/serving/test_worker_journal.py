"""The worker's journal: the first free name, taken up again after its holder is gone."""

from pathlib import Path

from serving.worker_journal import WorkerJournal
from tests.audit_log.audit_requests import request


def opened(folder: Path) -> WorkerJournal:
    """A journal as a worker opens it."""
    return WorkerJournal(folder, clock=lambda: 1, max_bytes=1 << 30)


def test_two_workers_never_share_a_journal(tmp_path: Path) -> None:
    """Each has its own name and file."""
    first, second = opened(tmp_path), opened(tmp_path)
    assert ("worker-0", "worker-1") == (first.name, second.name)
    assert first.journal.path != second.journal.path
    first.close()
    second.close()


def test_freed_name_is_taken_up_with_what_was_written(tmp_path: Path) -> None:
    """A restarted worker goes on in the journal its predecessor left."""
    first, other = opened(tmp_path), opened(tmp_path)
    asked = request(1)
    first.journal.append(asked, b"answer")
    first.close()
    again = opened(tmp_path)
    assert ("worker-0", b"answer") == (again.name, again.journal.answer_of(asked.request_id))
    again.close()
    other.close()
