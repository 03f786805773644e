"""Resolution: from what a caller sent to the full context of a list, with what the snapshots know."""

from collections.abc import Iterable, Mapping, Sequence
from math import nan
from typing import NamedTuple

from serving.release_slot import Serving
from serving.wire import AskedEvent, AskedItem, AskedList
from streamrec_explain.errors import RequestError
from streamrec_explain.explanation.ranking import Candidate, candidates_in
from streamrec_explain.records import HistoryEvent, ListContext, ListItem, Promotion


class Resolved(NamedTuple):
    """The context of a list, and what the trend snapshot says of its items, before the caller's values."""

    context: ListContext
    known: Sequence[Candidate]


def resolve(asked: AskedList, serving: Serving, request_id: str, user_id_hash: str, now_ms: int) -> Resolved:
    """The context of a list: the caller's values win, the others come from the snapshots of `serving`."""
    known = candidates_in(serving.trends, serving.engine.bundle, [i.item_id for i in asked.items], asked.region)
    context = ListContext(
        request_id=request_id,
        user_id_hash=user_id_hash,
        region=asked.region,
        locale=asked.locale,
        timestamp_ms=now_ms if asked.timestamp_ms is None else asked.timestamp_ms,
        session_history=events(asked.session_history),
        user_features=_merged(serving.user_values(asked.user_id), asked.user_features),
        items=tuple(_item(*pair) for pair in zip(asked.items, known, strict=True)),
    )
    return Resolved(context, known)


def events(asked: Iterable[str | AskedEvent]) -> tuple[HistoryEvent, ...]:
    """The history; where no event has a sequence number they are numbered by position, the oldest first.

    RequestError if only some have one: their order would be a guess.
    """
    found = [AskedEvent(event) if isinstance(event, str) else event for event in asked]
    without = [place for place, event in enumerate(found) if event.sequence is None]
    if without and len(without) < len(found):
        field = f"session_history[{without[0]}].sequence"
        raise RequestError(f"{field} is missing; give it for every event or for none", field)
    return tuple(
        HistoryEvent(event.item_id, event.sequence or place, event.timestamp_ms)
        for place, event in enumerate(found, start=1)
    )


def _item(asked: AskedItem, known: Candidate) -> ListItem:
    promotion = asked.promotion
    return ListItem(
        item_id=asked.item_id,
        position=asked.position,
        ranking_score=asked.ranking_score,
        reranking_score=asked.reranking_score,
        item_features=_merged(known.item_features, asked.item_features),
        item_facts=known.item_facts,
        promotion=Promotion(promotion.sponsor, promotion.boost) if promotion else None,
    )


def _merged(known: Mapping[str, float], given: Mapping[str, float | None]) -> Mapping[str, float]:
    if not given:
        return known
    return {**known, **{name: nan if value is None else value for name, value in given.items()}}
