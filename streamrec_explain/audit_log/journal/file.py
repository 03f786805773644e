"""The journal's sqlite file: schema with migrations, durable connections, read-only connections."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamrec_explain.errors import JournalError, JournalFullError

# Migration n takes a file from `user_version` n to n + 1; a published one is never edited.
MIGRATIONS = (
    """
    CREATE TABLE identity (journal_id TEXT NOT NULL, check_until INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE records (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        request_id TEXT NOT NULL UNIQUE,
        user_id_hash TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        damaged INTEGER NOT NULL DEFAULT 0,
        body BLOB NOT NULL
    );
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        first_sequence INTEGER NOT NULL,
        last_sequence INTEGER NOT NULL,
        shipped_ms INTEGER
    );
    """,
    # When a record came (Unix ms of the writer's clock); NULL for those that came before this column.
    "ALTER TABLE records ADD COLUMN arrived_ms INTEGER",
)

ARRIVAL_VERSION = 2  # from here on records say when they came

_BUSY_TIMEOUT_S = 30.0


def connect(path: Path, *, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """Open (or create) a journal for writing: WAL, synchronous=FULL, the newest schema.

    Transactions are begun explicitly. JournalError if the file is no journal or newer than this program.
    """
    with journal_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")  # erased people must not linger in free pages
        _migrate(connection, path, migrations)
        return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """Open an existing journal for reading beside its writer."""
    with journal_errors(path):
        uri = f"{path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of migrations that a journal went through."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the body wrote, durably, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def journal_errors(path: Path) -> Iterator[None]:
    """Turn what sqlite and the file system raise into the product's errors, naming the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise JournalFullError(f"the disk under the journal {path} is full; free space") from error
        raise JournalError(f"the journal {path} cannot be used: {error}") from error
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"the journal {path} cannot be used: {error}") from error


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the file to the newest schema, one migration per transaction."""
    with transaction(connection):
        version = schema_version(connection)
        if version > len(migrations):
            raise JournalError(f"{path} has journal schema {version}; this program knows {len(migrations)}")
        for number in range(version, len(migrations)):
            for statement in filter(str.strip, migrations[number].split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
