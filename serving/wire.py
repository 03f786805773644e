"""The wire: the request to explain a list, its answer, and reading and writing them as JSON."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta

from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.engine import ListExplanation
from streamrec_explain.explanation.history import LARGEST_SEQUENCE
from streamrec_explain.records import Claim, Control, Explanation

MAX_ITEMS = 100
MAX_EVENTS = 1_000
LAST_POSITION = 32_767
LAST_MS = 253_402_214_399_999  # the end of the year 9999: the last day that a date can hold
END = r"$(?!\n)"  # Python's `$` alone would allow a line end; this form is a JSON Schema pattern, too

Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
RequestId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}" + END,
        description="Chosen by the caller, who may ask again with it and gets the same answer.",
    ),
]
Region = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}" + END, description="The market, as in the events.")
]
Locale = Annotated[str, Meta(pattern=r"^[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8}){0,4}" + END)]
UnixMs = Annotated[int, Meta(ge=0, le=LAST_MS)]
Sequence = Annotated[int, Meta(ge=1, le=LARGEST_SEQUENCE)]
Position = Annotated[int, Meta(ge=0, le=LAST_POSITION)]
FeatureValues = Annotated[
    dict[str, float | None],
    Meta(max_length=64, description="By name; null is missing. What is left out is resolved from the snapshots."),
]


class AskedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One past interaction; `sequence` is its number in the user's history (1 for the first)."""

    item_id: Identifier
    timestamp_ms: UnixMs | None = None
    sequence: Sequence | None = None


class AskedPromotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A paid boost (log-odds) that was added to the re-ranker's score before the list was sorted."""

    sponsor: Identifier
    boost: float


class AskedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of the list; `reranking_score` is the re-ranker's raw score (log-odds) without the boost."""

    item_id: Identifier
    position: Position
    ranking_score: float
    reranking_score: float
    item_features: FeatureValues = {}
    promotion: AskedPromotion | None = None


class AskedList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ranked list to be explained."""

    user_id: Identifier
    region: Region
    session_history: Annotated[tuple[Identifier | AskedEvent, ...], Meta(max_length=MAX_EVENTS)]
    items: Annotated[tuple[AskedItem, ...], Meta(min_length=1, max_length=MAX_ITEMS)]
    request_id: RequestId | None = None
    locale: Locale = "en"
    timestamp_ms: UnixMs | None = None
    user_features: FeatureValues = {}


class SaidExplanation(msgspec.Struct, frozen=True):
    """The explanation of one item."""

    explanation_id: str
    item_id: str
    position: int
    text: str
    explanation_type: str
    claims: tuple[Claim, ...]
    controls: tuple[Control, ...]
    shap_top_features: tuple[tuple[str, float], ...]
    attention_top_items: tuple[tuple[str, float], ...]
    flags: tuple[str, ...]
    computation_time_ms: float


class SaidList(msgspec.Struct, frozen=True):
    """The answer to a request, in the order of its items."""

    model_version: str
    request_id: str
    explanations: tuple[SaidExplanation, ...]


class _Origin(msgspec.Struct, frozen=True):
    model_version: str


_REQUESTS = msgspec.json.Decoder(AskedList)
_ORIGINS = msgspec.json.Decoder(_Origin)
_ANSWERS = msgspec.json.Encoder()
_PLACE = re.compile(r" - at `(?:key in )?\$\.?(.*)`$")
_MISSING = re.compile(r"required field `(\w+)`|unknown field `(.+?)`")


def read_request(body: bytes) -> AskedList:
    """Decode a request body.

    RequestError names the field; a body that is no JSON at all has no field.
    """
    try:
        asked = _REQUESTS.decode(body)
    except msgspec.ValidationError as error:
        raise _naming_field(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    _check_repeats(asked)
    return asked


def write_answer(model_version: str, request_id: str, said: ListExplanation, computation_time_ms: float) -> bytes:
    """Encode an answer; `computation_time_ms` is the list's time divided by its items."""
    explanations = tuple(_said(each, computation_time_ms) for each in said.explanations)
    return _ANSWERS.encode(SaidList(model_version, request_id, explanations))


def origin_of(answer: bytes) -> str:
    """The model version that gave an answer."""
    return _ORIGINS.decode(answer).model_version


def _said(each: Explanation, computation_time_ms: float) -> SaidExplanation:
    return SaidExplanation(
        explanation_id=each.explanation_id,
        item_id=each.item_id,
        position=each.position,
        text=each.text,
        explanation_type=each.explanation_type,
        claims=each.claims,
        controls=each.controls,
        shap_top_features=each.shap_top_features,
        attention_top_items=each.attention_top_items,
        flags=each.flags,
        computation_time_ms=computation_time_ms,
    )


def _naming_field(message: str) -> RequestError:
    """The decoder's complaint with the field it is about; the decoder names the object above a missing field."""
    place = _PLACE.search(message)
    above = place[1].removesuffix("[...]") if place else ""
    reason = message[: place.start()] if place else message
    odd = _MISSING.search(reason)
    field = ".".join(filter(None, (above, odd and (odd[1] or odd[2])))) or "body"
    return RequestError(f"{field}: {reason}", field)


def _check_repeats(asked: AskedList) -> None:
    seen: set[str] = set()
    for index, item in enumerate(asked.items):
        if item.item_id in seen:
            field = f"items[{index}].item_id"
            raise RequestError(f"{field} is in the list already; each item is explained once", field)
        seen.add(item.item_id)
