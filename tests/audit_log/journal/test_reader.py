"""Lookups over the journals of a folder."""

from pathlib import Path

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.journal.reader import answer_in_folder, find_in_folder, held_elsewhere
from tests.audit_log.audit_requests import request


def test_a_request_is_found_in_any_workers_journal(tmp_path: Path) -> None:
    """Live and closed journals are read alike."""
    with Journal(tmp_path / "a.sqlite", clock=lambda: 1) as closed:
        closed.append(request(1), b"one")
    with Journal(tmp_path / "b.sqlite", clock=lambda: 1) as live:
        live.append(request(2), b"two")
        assert (request(1), request(2)) == tuple(find_in_folder(tmp_path, f"request-{n}") for n in (1, 2))
        assert (b"one", b"two") == tuple(answer_in_folder(tmp_path, f"request-{n}") for n in (1, 2))
        assert find_in_folder(tmp_path, "request-3") is None


def test_an_absent_folder_holds_nothing(tmp_path: Path) -> None:
    """Before the first request there is no journal, and that is no error."""
    assert find_in_folder(tmp_path / "none", "request-1") is None


def test_an_unreadable_journal_may_hold_everything(tmp_path: Path) -> None:
    """Where a sibling cannot be read, every id is suspect; where it can, only those it holds."""
    with Journal(tmp_path / "a.sqlite", clock=lambda: 1) as journal:
        journal.append(request(1), b"")
    assert {"request-1"} == held_elsewhere([tmp_path / "a.sqlite"], ["request-1", "request-2"])
    (tmp_path / "b.sqlite").write_bytes(b"broken" * 1000)
    assert {"request-2"} == held_elsewhere([tmp_path / "b.sqlite"], ["request-2"])
