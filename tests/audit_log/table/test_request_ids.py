"""Ids that tell their time: valid version 7 UUIDs, whose day comes back; other ids tell nothing."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.audit_log.table.request_ids import days_told, new_request_id
from tests.audit_log.audit_requests import START_MS, request


@given(st.integers(0, 4_000_000_000_000), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_its_time(timestamp_ms: int, random: bytes) -> None:
    """Version, variant and time by the standard library's reading; the day by ours."""
    made = UUID(new_request_id(timestamp_ms, random))
    assert (7, "specified in RFC 4122", timestamp_ms) == (made.version, made.variant, made.int >> 80)
    assert (utc_day(timestamp_ms),) == days_told(made.hex)


def test_random_bits_tell_ids_apart() -> None:
    """Every one of the 74 bits."""
    ids = {new_request_id(1, (1 << bit).to_bytes(10, "big")) for bit in range(74)}
    assert 74 == len(ids)


@pytest.mark.parametrize("other", ["", "request-1", "f" * 32, UUID(int=7).hex, new_request_id(1, b"\xff" * 10).upper()])
def test_other_ids_tell_nothing(other: str) -> None:
    """Ids that callers chose, UUIDs of other versions, times beyond the calendar."""
    assert () == days_told(other)


def test_an_id_that_tells_another_day_is_found_all_the_same(hot: AuditTable) -> None:
    """A caller may have made the id a day before the request."""
    name = new_request_id(START_MS - 86_400_000, b"0123456789")
    hot.append([request(1, request_id=name)])
    assert name == hot.read_request(name).request_id
