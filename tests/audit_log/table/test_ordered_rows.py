"""A partition's rows in order: from sorted files as they lie, from any others through the spool, in bounded pieces."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from streamrec_explain.audit_log.table import ordered_rows
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.content import content_of
from streamrec_explain.audit_log.table.ordered_rows import ordered, side_by_side, user_cuts
from streamrec_explain.audit_log.table.partition import Partition
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.errors import AuditLogError
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import request

US = Partition("2026-01-01", "US")
NAMES = ("", "0", "00", "9f", "a0", "f" * 32, "g", "Z", "ü")


def _ids(pieces: Sequence[pa.Table]) -> list[set[str]]:
    return [set(piece["request_id"].to_pylist()) for piece in pieces]


def _sent() -> list[AuditRequest]:
    return [request(3 * n, user_id_hash=name) for n, name in enumerate(NAMES)]


@pytest.mark.parametrize(("piece_rows", "pieces"), [(1, 27), (3, 9), (1000, 1)])
def test_pieces_are_the_partition_in_order(
    hot: AuditTable, monkeypatch: pytest.MonkeyPatch, piece_rows: int, pieces: int
) -> None:
    """However small the pieces and whatever the pseudonyms look like, no request is cut."""
    sent = _sent()
    for some in ([sent[0], sent[5]], *([each] for each in (*sent[1:5], *sent[6:]))):
        hot.append(some)
    whole = sorted_rows(hot.rows(US.condition))
    monkeypatch.setattr(ordered_rows, "PIECE_ROWS", piece_rows)
    found = list(ordered(hot, US, hot.open()))
    assert pieces == len(found)
    assert content_of([whole]) == content_of(found)
    assert len(NAMES) == sum(map(len, _ids(found)))


def test_a_sorted_file_is_read_as_it_lies(hot: AuditTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is spooled; two files of users apart are one after the other."""
    hot.append(_sent()[:3])
    hot.append(_sent()[3:])
    monkeypatch.setattr(ordered_rows, "spooled", None)
    assert content_of([sorted_rows(hot.rows(US.condition))]) == content_of(ordered(hot, US, hot.open()))


def test_a_user_in_two_files_is_sorted_in(hot: AuditTable) -> None:
    """Sorted files whose users overlap are not in order together."""
    for number in (3, 0, 6):
        hot.append([request(number)])
    assert [["request-0", "request-3", "request-6"]] == [
        list(dict.fromkeys(piece["request_id"].to_pylist())) for piece in ordered(hot, US, hot.open())
    ]


def test_two_tables_side_by_side_show_the_same_users(hot: AuditTable, cold: AuditTable) -> None:
    """Each request of both is in the pair of its user's range."""
    hot.append(_sent()[::2])
    cold.append(_sent()[::3])
    here, there = zip(*side_by_side((hot, cold), US, (hot.open(), cold.open())), strict=True)
    assert content_of(ordered(hot, US, hot.open())) == content_of(here)
    assert content_of(ordered(cold, US, cold.open())) == content_of(there)


def test_cuts_are_as_many_as_the_rows_need() -> None:
    """Within a bound, since each is an open file."""
    assert ((), ()) == (user_cuts(0), user_cuts(ordered_rows.PIECE_ROWS))
    assert ("8000",) == user_cuts(2 * ordered_rows.PIECE_ROWS)
    assert 511 == len(user_cuts(10**12))


def test_a_lost_file_is_named(hot: AuditTable) -> None:
    """By its table and path."""
    hot.append([request(0)])
    (path,) = hot.open().file_uris()
    seen = hot.open()
    hot.store().delete_file(hot.files(US, seen)[0].path)
    with pytest.raises(AuditLogError, match=path.rpartition("/")[2]):
        list(ordered(hot, US, seen))
