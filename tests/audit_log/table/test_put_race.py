"""Races for one object: a sound store lets one win each, a deaf one is found out; nothing is left behind."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.fs
import pytest
from deltalake.fs import DeltaStorageHandler

from streamrec_explain.audit_log.table.put_race import PutRaces, put_races
from streamrec_explain.errors import AuditLogError
from tests.audit_log.s3_server import SECRET, S3Server, options_for
from tests.audit_log.s3_store import S3Store


def folder_of(server: S3Store) -> str:
    """Where races are held."""
    return f"{server.uri}/audit"


@pytest.fixture
def deaf() -> Iterator[S3Server]:
    """A store that ignores the condition of a put."""
    server = S3Server("--deaf")
    yield server
    server.end()


def left_in(server: S3Store) -> list[str]:
    """Everything under the folder."""
    files = pyarrow.fs.PyFileSystem(DeltaStorageHandler(folder_of(server), server.options))
    return [found.path for found in files.get_file_info(pyarrow.fs.FileSelector("", recursive=True))]


def test_a_sound_store_has_one_winner_a_race(s3: S3Store) -> None:
    """And leaves nothing behind."""
    found = put_races(folder_of(s3), s3.options, name="sound", races=6, ways=4)
    assert PutRaces(6, 4, 0, 0) == found
    assert found.sound
    assert [] == left_in(s3)


def test_a_deaf_store_is_found_out(deaf: S3Server) -> None:
    """Several are told that they have won, and commits are gone."""
    found = put_races(folder_of(deaf), deaf.options, name="deaf", races=8, ways=4)
    assert not found.sound
    assert 0 < found.more_than_one_winner <= 8
    assert found.more_than_one_winner <= found.lost_commits
    assert "acknowledged commits lost" in str(found)
    assert [] == left_in(deaf)


def test_a_folder_is_sound(tmp_path: Path) -> None:
    """The local file system, with the same means."""
    assert put_races(str(tmp_path), {}, name="local", races=4).sound
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_store_that_is_not_there_is_told_without_secrets() -> None:
    """Its address, not its keys."""
    with pytest.raises(AuditLogError, match="self-test-gone") as caught:
        put_races("s3://logs/audit", options_for(1), name="gone")
    assert SECRET not in str(caught.value)
