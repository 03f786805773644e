"""The access log: every question a line, durable, in order, and never over another one."""

import threading
from pathlib import Path

import pytest

from streamrec_explain.audit_log.custody.access_log import Access, AccessLog
from streamrec_explain.errors import AuditLogError


def _access(number: int) -> Access:
    return Access(at_ms=number, who="eve", via="command", what="query", asked={"item": f"item\n{number}"})


def test_questions_come_back_in_order(tmp_path: Path) -> None:
    """Whatever their text holds; before the first one there is none."""
    log = AccessLog(tmp_path / "deep" / "accesses.jsonl")
    assert [] == log.accesses()
    for number in range(3):
        log.record(_access(number))
    assert [_access(number) for number in range(3)] == log.accesses()
    assert 0o600 == log.path.stat().st_mode & 0o777


def test_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    """A power loss in the middle of a write; that question was never answered."""
    log = AccessLog(tmp_path / "accesses.jsonl")
    log.record(_access(0))
    with log.path.open("ab") as stream:
        stream.write(b'{"at_ms": 1, "wh')
    log.record(_access(2))
    assert [_access(0), _access(2)] == log.accesses()


def test_askers_at_once_mix_no_lines(tmp_path: Path) -> None:
    """The app's threads and commands share the file."""
    log = AccessLog(tmp_path / "accesses.jsonl")
    threads = [
        threading.Thread(target=lambda first=first: [log.record(_access(first + n)) for n in range(20)])
        for first in range(0, 80, 20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(range(80)) == sorted(each.at_ms for each in log.accesses())


def test_what_cannot_be_recorded_is_an_error(tmp_path: Path) -> None:
    """It says not answered."""
    (tmp_path / "accesses.jsonl").mkdir()
    with pytest.raises(AuditLogError, match="not answered"):
        AccessLog(tmp_path / "accesses.jsonl").record(_access(0))
