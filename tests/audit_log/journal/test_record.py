"""One journal record: round trip, checksum, refusal of what the table could not hold."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrec_explain.audit_log.journal.record import stored_record
from streamrec_explain.errors import CorruptRecordError, JournalError
from streamrec_explain.records import AuditRequest
from tests.audit_log.audit_requests import entry, request, requests


@settings(deadline=None)
@given(requests(), st.binary(max_size=100))
def test_a_record_gives_back_request_and_answer(sent: AuditRequest, answer: bytes) -> None:
    """The journal keeps both exactly, every float64 included."""
    record = stored_record(sent, answer)
    assert (sent, answer) == (record.request, record.answer)


@settings(deadline=None)
@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """Flipping a bit anywhere in the body fails the checksum."""
    record = stored_record(request(), b"answer")
    place = data.draw(st.integers(0, len(record.body) - 1))
    changed = bytearray(record.body)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptRecordError, match="request-0"):
        _ = msgspec.structs.replace(record, body=bytes(changed)).request


def test_a_body_under_another_request_id_is_found() -> None:
    """The checksum covers the id too, so two records cannot trade bodies."""
    record = msgspec.structs.replace(stored_record(request(), b""), request_id="request-1")
    with pytest.raises(CorruptRecordError):
        _ = record.answer


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(request(request_id=""), id="no request id"),
        pytest.param(request(region=""), id="no region"),
        pytest.param(request(items=0), id="no entries"),
        pytest.param(request(entries=(entry(1), entry(1))), id="one position twice"),
        pytest.param(request(entries=(entry(-1),)), id="negative position"),
        pytest.param(request(entries=(entry(32_768),)), id="position beyond int16"),
        pytest.param(request(timestamp_ms=-1), id="before 1970"),
        pytest.param(request(timestamp_ms=253_402_214_400_000), id="beyond the calendar"),
    ],
)
def test_what_no_table_could_hold_is_refused(bad: AuditRequest) -> None:
    """A request that would block the shipper never enters the journal."""
    with pytest.raises(JournalError):
        stored_record(bad, b"")
