"""Records: ids that can be taken apart again, values that survive their encoding and cannot be changed."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain import records
from streamrec_explain.records import AuditRequest, Claim, HistoryEvent, explanation_id, split_explanation_id
from tests.audit_log.audit_requests import requests

STRUCTS = [each for each in vars(records).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]


@given(st.text(min_size=1), st.integers(0, 32_767))
def test_an_explanation_id_comes_apart_again(request_id: str, position: int) -> None:
    """Whatever the request is called, dots and all."""
    assert (request_id, position) == split_explanation_id(explanation_id(request_id, position))


@given(st.text(alphabet="ab.019-٣ ", max_size=8))
def test_what_is_taken_apart_is_that_id(text: str) -> None:
    """A text is refused, or is the one id of what it was taken apart into."""
    try:
        request_id, position = split_explanation_id(text)
    except ValueError:
        return
    assert text == explanation_id(request_id, position)


@pytest.mark.parametrize("text", ["", ".", ".1", "r", "r.", "r.x", "r.-1", "r.1.0x", "r. 1", "r.1_0", "r.01", "r.٣"])
def test_other_texts_are_no_ids(text: str) -> None:
    """ValueError with the text and what is expected."""
    with pytest.raises(ValueError, match=r"expected REQUEST\.POSITION"):
        split_explanation_id(text)


@given(requests())
def test_an_audit_request_survives_its_encoding(request: AuditRequest) -> None:
    """Through msgpack, as the journal stores it, evidence of every kind included."""
    assert request == msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=AuditRequest)


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_records_are_frozen(struct: type[msgspec.Struct]) -> None:
    """Nothing that was said or logged can be changed afterwards."""
    assert struct.__struct_config__.frozen


def test_evidence_keeps_whole_numbers_and_fractions_apart() -> None:
    """2 and 2.0 are different bytes in a replay, and stay what they were."""
    claim = Claim("trending", True, {"count": 2, "growth": 2.0, "market": None, "items": ("a", "b")})
    back = msgspec.json.decode(msgspec.json.encode(claim), type=Claim)
    assert [int, float, type(None), tuple] == [type(value) for value in back.evidence.values()]


def test_history_events_without_time_are_plain() -> None:
    """The time is optional: None says that it is unknown."""
    assert HistoryEvent("i1", 1, None) == HistoryEvent("i1", 1)
