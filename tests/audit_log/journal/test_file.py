"""The journal's file: migrations, refusal of a newer one."""

from pathlib import Path

import pytest

from streamrec_explain.audit_log.journal.file import MIGRATIONS, connect, transaction
from streamrec_explain.errors import JournalError


def test_a_journal_is_brought_to_the_newest_schema(tmp_path: Path) -> None:
    """Reopening with one more migration runs it once and keeps the rows."""
    path = tmp_path / "j.sqlite"
    connection = connect(path)
    connection.execute("INSERT INTO identity (journal_id) VALUES ('j')")
    connection.close()
    newer = (*MIGRATIONS, "ALTER TABLE identity ADD COLUMN added TEXT DEFAULT 'new';")
    for _ in range(2):
        connection = connect(path, migrations=newer)
        assert [("j", 0, "new")] == connection.execute("SELECT * FROM identity").fetchall()
        connection.close()


def test_a_journal_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    """An older program does not touch what it does not know."""
    connect(tmp_path / "j.sqlite", migrations=(*MIGRATIONS, "CREATE TABLE later (x);")).close()
    with pytest.raises(JournalError, match=f"schema {len(MIGRATIONS) + 1}"):
        connect(tmp_path / "j.sqlite")


def test_a_failed_migration_leaves_the_old_schema(tmp_path: Path) -> None:
    """A migration happens wholly or not at all."""
    with pytest.raises(JournalError):
        connect(tmp_path / "j.sqlite", migrations=("CREATE TABLE one (x); CREATE TABLE one (x);",))
    connection = connect(tmp_path / "j.sqlite", migrations=())
    assert [] == connection.execute("SELECT name FROM sqlite_master").fetchall()


def test_commits_are_durable_and_logged_ahead(tmp_path: Path) -> None:
    """The connection runs in WAL mode with synchronous FULL (2)."""
    connection = connect(tmp_path / "j.sqlite")
    assert ("wal", 2) == tuple(
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    )


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    """An error inside rolls back."""
    connection = connect(tmp_path / "j.sqlite")
    with pytest.raises(ZeroDivisionError), transaction(connection):
        connection.execute("INSERT INTO identity (journal_id) VALUES ('j')")
        raise ZeroDivisionError
    assert [] == connection.execute("SELECT * FROM identity").fetchall()
