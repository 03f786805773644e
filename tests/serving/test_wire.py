"""Bodies: what is accepted, and how everything else is refused by the name of the field."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.wire import read_request
from streamrec_explain.errors import RequestError

ITEM = {"item_id": "a", "position": 0, "ranking_score": 0.5, "reranking_score": -0.25}
LIST: dict[str, Any] = {"user_id": "u", "region": "US", "session_history": ["x"], "items": [ITEM]}


def changed_item(**facts: Any) -> dict[str, Any]:
    """The list with one item changed."""
    return LIST | {"items": [ITEM | facts]}


def without(name: str) -> dict[str, Any]:
    """The list without a field."""
    return {key: value for key, value in LIST.items() if key != name}


def test_smallest_request() -> None:
    """What may be left out has its default."""
    asked = read_request(json.dumps(LIST).encode())
    assert (None, "en", None, {}) == (asked.request_id, asked.locale, asked.timestamp_ms, asked.user_features)
    assert (("x",), -0.25) == (asked.session_history, asked.items[0].reranking_score)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(without("user_id"), "user_id", id="no user"),
        pytest.param(without("session_history"), "session_history", id="no history"),
        pytest.param(LIST | {"user_id": ""}, "user_id", id="empty user"),
        pytest.param(LIST | {"user_id": 7}, "user_id", id="user is a number"),
        pytest.param(LIST | {"usr": 1}, "usr", id="misspelt field"),
        pytest.param(LIST | {"region": "../x"}, "region", id="region that is a path"),
        pytest.param(LIST | {"region": ""}, "region", id="empty region"),
        pytest.param(LIST | {"locale": "en; DROP"}, "locale", id="locale that is no tag"),
        pytest.param(LIST | {"request_id": "a/b"}, "request_id", id="request id that is a path"),
        pytest.param(LIST | {"request_id": "x" * 129}, "request_id", id="long request id"),
        pytest.param(LIST | {"request_id": "ok\n"}, "request_id", id="request id with a line end"),
        pytest.param(LIST | {"timestamp_ms": -1}, "timestamp_ms", id="before 1970"),
        pytest.param(LIST | {"timestamp_ms": 10**15}, "timestamp_ms", id="after the year 9999"),
        pytest.param(LIST | {"items": []}, "items", id="empty list"),
        pytest.param(LIST | {"items": [ITEM] * 101}, "items", id="101 items"),
        pytest.param(LIST | {"session_history": ["x"] * 1001}, "session_history", id="1,001 events"),
        pytest.param(LIST | {"session_history": [1]}, "session_history[0]", id="event is a number"),
        pytest.param(
            LIST | {"session_history": [{"item_id": "x", "sequence": 0}]}, "session_history[0].sequence", id="0"
        ),
        pytest.param(LIST | {"items": [ITEM, ITEM | {"position": 1}]}, "items[1].item_id", id="item twice"),
        pytest.param(changed_item(position=-1), "items[0].position", id="negative position"),
        pytest.param(changed_item(position=40_000), "items[0].position", id="position beyond 16 bits"),
        pytest.param(changed_item(position=1.5), "items[0].position", id="half a position"),
        pytest.param(changed_item(position=10**30), "items[0].position", id="huge position"),
        pytest.param(changed_item(ranking_score="1"), "items[0].ranking_score", id="score is a text"),
        pytest.param(changed_item(ranking_score=None), "items[0].ranking_score", id="score is null"),
        pytest.param(changed_item(item_features={"a": "b"}), "items[0].item_features", id="feature is a text"),
        pytest.param(
            changed_item(item_features=dict.fromkeys(map(str, range(65)), 1)), "items[0].item_features", id="65"
        ),
        pytest.param(changed_item(promotion={"sponsor": "Acme"}), "items[0].promotion.boost", id="no boost"),
        pytest.param(changed_item(promotion={"sponsor": "A", "boost": 1, "x": 1}), "items[0].promotion.x", id="odd"),
        pytest.param(["not an object"], "body", id="body is a list"),
        pytest.param(None, "body", id="body is null"),
    ],
)
def test_wrong_field_is_named(body: Any, field: str) -> None:
    """The error's field is the place of what is wrong."""
    with pytest.raises(RequestError) as refused:
        read_request(json.dumps(body).encode())
    assert field == refused.value.field
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="half an object"),
        pytest.param(b'{"user_id": NaN}', id="NaN"),
        pytest.param(b'{"user_id": "\xff"}', id="invalid UTF-8"),
        pytest.param(b'{"user_id": "\\ud800"}', id="lone surrogate"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b"\x00" * 100, id="zero bytes"),
    ],
)
def test_what_is_no_json_has_no_field(body: bytes) -> None:
    """An unreadable body is refused as a whole."""
    with pytest.raises(RequestError) as refused:
        read_request(body)
    assert "" == refused.value.field


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" + b"0" * 5_000], ids=["inf", "-inf", "5,000 digits"])
def test_number_beyond_float64_is_refused(number: bytes) -> None:
    """No score is infinite."""
    body = json.dumps(changed_item(ranking_score=77)).encode().replace(b"77", number)
    with pytest.raises(RequestError) as refused:
        read_request(body)
    assert "items[0].ranking_score" == refused.value.field


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
@pytest.mark.parametrize("place", [b'{"user_id":', b'{"items":', b'{"session_history":[', b""])
def test_deep_nesting_is_refused(bracket: bytes, place: bytes) -> None:
    """A hundred thousand brackets end in an error, not in the process."""
    with pytest.raises(RequestError):
        read_request(place + bracket * 100_000)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*LIST, *ITEM, "promotion"]), inner),
    max_leaves=12,
)


@given(body=st.dictionaries(st.sampled_from([*LIST, "request_id", "locale", "user_features"]), JSON_VALUES))
def test_no_body_ends_in_another_error(body: dict[str, Any]) -> None:
    """Whatever a body holds, it is read or refused."""
    try:
        read_request(json.dumps(LIST | body).encode())
    except RequestError as error:
        assert str(error)
