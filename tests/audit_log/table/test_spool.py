"""The spool: any rows come back apart by ranges of users, each range in order, and nothing stays on disk."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.encoding import table_of
from streamrec_explain.audit_log.table.row_order import sorted_rows
from streamrec_explain.audit_log.table.spool import spooled
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import request


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.lists(st.integers(0, 60), max_size=6), max_size=4), st.lists(st.text("0123456789abcdef"), max_size=4)
)
def test_ranges_part_users_and_keep_every_row(numbers: list[list[int]], cuts: list[str]) -> None:
    """Any runs, any cuts: a range has the users from its cut on, in order."""
    runs = [
        _rows_of([request(3 * n, request_id=f"{place}-{n}-{m}") for m, n in enumerate(some)])
        for place, some in enumerate(numbers)
    ]
    with spooled(runs, sorted(cuts)) as ranges:
        found = list(ranges)
    users = [piece["user_id_hash"].to_pylist() for piece in found]
    for low, high, names in zip(["", *sorted(cuts)], [*sorted(cuts), "g"], users, strict=True):
        assert all(low <= name < high for name in names) and sorted(names) == names
    assert sorted(row["request_id"] for run in runs for row in run.to_pylist()) == sorted(
        row["request_id"] for piece in found for row in piece.to_pylist()
    )


def _rows_of(sent: list[AuditRequest]) -> pa.Table:
    return sorted_rows(table_of(sent))


def test_disk_is_freed_also_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether reading the rows fails or whoever reads the ranges."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def failing() -> object:
        yield _rows_of([request(0)])
        raise RuntimeError("the store is away")

    with pytest.raises(RuntimeError, match="away"), spooled(failing(), ["1"]):  # type: ignore[arg-type]
        pass
    with pytest.raises(RuntimeError, match="reader"), spooled([_rows_of([request(0)])], ["1"]) as ranges:
        assert 3 == next(ranges).num_rows
        raise RuntimeError("the reader is tired")
    assert [] == list(tmp_path.iterdir())
