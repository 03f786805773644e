"""The inputs of an answered list as the audit log keeps them: what the caller sent, and references to the rest.

Item features and facts that were resolved from a trend snapshot are not kept: the request names the snapshot by
its digest, snapshots hold nothing personal and are kept as long as an entry names them, and replay resolves the
items again. User features and history are kept as values: they are personal, and go with the entry when it is
erased or expires, which no reference into a shared snapshot could. What a caller sent of an item is kept too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from math import isnan

import msgspec

from streamrec_explain.errors import CorruptRecordError
from streamrec_explain.explanation.ranking import Candidate
from streamrec_explain.records import AuditEntry, AuditRequest, HistoryEvent, ListContext, ListItem, Promotion

Resolver = Callable[[AuditRequest], Sequence[Candidate]]  # what the request's trend snapshot says of its items
_FIRST_VERSION = 1  # everything as values, one tuple per event
_NOTHING = b""  # an item that was wholly resolved and not promoted


class RequestInputs(msgspec.Struct, frozen=True, array_like=True):
    """Inputs of a whole list; the names of item features and facts that were sent stand here once.

    `sequences` are differences from the event before, `ages_ms` the time from each event to the next (of the
    last one: to the request), None where a time is unknown: small numbers that repeat compress.
    """

    item_ids: tuple[str, ...]
    sequences: tuple[int, ...]
    ages_ms: tuple[int | None, ...]
    user_names: tuple[str, ...]
    user_values: tuple[float, ...]
    feature_names: tuple[str, ...]
    fact_names: tuple[str, ...]


class ItemInputs(msgspec.Struct, frozen=True, array_like=True):
    """Inputs of one item, by the request's names; None: not given (NaN: given as missing).

    With `resolved` the trend snapshot's values come first and those given here replace them.
    """

    resolved: bool
    features: tuple[float | None, ...]
    facts: tuple[float | None, ...]
    promotion: tuple[str, float] | None


class _FirstRequestInputs(msgspec.Struct, frozen=True, array_like=True):
    session_history: tuple[tuple[str, int, int | None], ...]
    user_features: dict[str, float]
    feature_names: tuple[str, ...]
    fact_names: tuple[str, ...]


class _FirstItemInputs(msgspec.Struct, frozen=True, array_like=True):
    features: tuple[float | None, ...]
    facts: tuple[float | None, ...]
    promotion: tuple[str, float] | None


_RESOLVED = ItemInputs(True, (), (), None)


def inputs_of(context: ListContext, known: Sequence[Candidate] = ()) -> tuple[bytes, list[bytes]]:
    """The inputs of the request and of each item, as the log keeps them.

    `known` is what the trend snapshot named by the request says of the items, in their order; without it every
    item is kept as values.
    """
    bases: Sequence[Candidate | None] = known or [None] * len(context.items)
    given = [_given(*pair) for pair in zip(context.items, bases, strict=True)]
    shared = RequestInputs(
        tuple(event.item_id for event in context.session_history),
        tuple(_differences([event.sequence for event in context.session_history])),
        tuple(_ages(context)),
        tuple(context.user_features),
        tuple(context.user_features.values()),
        _names(each.features for each in given),
        _names(each.facts for each in given),
    )
    return msgspec.msgpack.encode(shared), [_item_bytes(each, shared) for each in given]


def context_of(request: AuditRequest, resolver: Resolver) -> ListContext:
    """The context an audit record was made from, exactly; CorruptRecordError if it is unreadable.

    `resolver` gives what the request's trend snapshot says of its items; it is asked only where an entry refers
    to it. StreamRecError (the resolver's own) where the snapshot is gone.
    """
    try:
        shared = _shared(request)
        kept = [_item_inputs(entry, request.schema_version) for entry in request.entries]
        known: Sequence[Candidate | None] = [None] * len(kept)
        if any(each.resolved for each in kept):
            known = resolver(request)
        rows = zip(request.entries, kept, known, strict=True)
        items = tuple(_list_item(entry, inputs, shared, base) for entry, inputs, base in rows)
        history = _history(shared, request.timestamp_ms)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRecordError(f"inputs of request {request.request_id!r}: {error}") from error
    return ListContext(
        request_id=request.request_id,
        user_id_hash=request.user_id_hash,
        region=request.region,
        locale=request.locale,
        timestamp_ms=request.timestamp_ms,
        session_history=history,
        user_features=dict(zip(shared.user_names, shared.user_values, strict=True)),
        items=items,
    )


def history_of(request: AuditRequest) -> tuple[HistoryEvent, ...]:
    """The history a list was explained with; CorruptRecordError if it is unreadable. Needs no snapshot."""
    try:
        return _history(_shared(request), request.timestamp_ms)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRecordError(f"inputs of request {request.request_id!r}: {error}") from error


def user_features_of(request: AuditRequest) -> dict[str, float]:
    """The user features a list was explained with; CorruptRecordError if they are unreadable. Needs no snapshot."""
    try:
        shared = _shared(request)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRecordError(f"inputs of request {request.request_id!r}: {error}") from error
    return dict(zip(shared.user_names, shared.user_values, strict=True))


class _Given(msgspec.Struct, frozen=True):
    """What is kept of one item by name: all of it, or what differs from the snapshot."""

    resolved: bool
    features: Mapping[str, float]
    facts: Mapping[str, float]
    promotion: Promotion | None


def _given(item: ListItem, known: Candidate | None) -> _Given:
    if known is None or not (_covers(item.item_features, known.item_features) and item.item_facts == known.item_facts):
        return _Given(False, item.item_features, item.item_facts, item.promotion)
    return _Given(True, _changed(item.item_features, known.item_features), {}, item.promotion)


def _covers(features: Mapping[str, float], known: Mapping[str, float]) -> bool:
    """Whether every known name is there, so that replacing values gives the features again."""
    return features is known or features.keys() >= known.keys()


def _changed(features: Mapping[str, float], known: Mapping[str, float]) -> dict[str, float]:
    if features is known:
        return {}
    return {name: value for name, value in features.items() if name not in known or not _same(value, known[name])}


def _same(value: float, other: float) -> bool:
    return value == other or (isnan(value) and isnan(other))


def _item_bytes(given: _Given, shared: RequestInputs) -> bytes:
    if given.resolved and not given.features and given.promotion is None:
        return _NOTHING
    features = tuple(given.features.get(name) for name in shared.feature_names) if given.features else ()
    facts = tuple(given.facts.get(name) for name in shared.fact_names) if given.facts else ()
    promotion = (given.promotion.sponsor, given.promotion.boost) if given.promotion else None
    return msgspec.msgpack.encode(ItemInputs(given.resolved, features, facts, promotion))


def _item_inputs(entry: AuditEntry, version: int) -> ItemInputs:
    if version == _FIRST_VERSION:
        first = msgspec.msgpack.decode(entry.inputs, type=_FirstItemInputs)
        return ItemInputs(False, first.features, first.facts, first.promotion)
    return _RESOLVED if entry.inputs == _NOTHING else msgspec.msgpack.decode(entry.inputs, type=ItemInputs)


def _shared(request: AuditRequest) -> RequestInputs:
    if request.schema_version != _FIRST_VERSION:
        return msgspec.msgpack.decode(request.inputs, type=RequestInputs)
    first = msgspec.msgpack.decode(request.inputs, type=_FirstRequestInputs)
    ids, sequences, times = zip(*first.session_history, strict=True) if first.session_history else ((), (), ())
    return RequestInputs(
        ids,
        tuple(_differences(sequences)),
        tuple(_gaps(times, request.timestamp_ms)),
        tuple(first.user_features),
        tuple(first.user_features.values()),
        first.feature_names,
        first.fact_names,
    )


def _list_item(entry: AuditEntry, inputs: ItemInputs, shared: RequestInputs, known: Candidate | None) -> ListItem:
    features = _named(shared.feature_names, inputs.features)
    facts = _named(shared.fact_names, inputs.facts)
    if inputs.resolved and known is not None:
        features, facts = {**known.item_features, **features}, {**known.item_facts, **facts}
    return ListItem(
        item_id=entry.item_id,
        position=entry.position,
        ranking_score=entry.ranking_score,
        reranking_score=entry.reranking_score,
        item_features=features,
        item_facts=facts,
        promotion=Promotion(*inputs.promotion) if inputs.promotion else None,
    )


def _history(shared: RequestInputs, timestamp_ms: int) -> tuple[HistoryEvent, ...]:
    sequences = accumulate(shared.sequences)
    times = _times(shared.ages_ms, timestamp_ms)
    return tuple(HistoryEvent(*event) for event in zip(shared.item_ids, sequences, times, strict=True))


def _ages(context: ListContext) -> list[int | None]:
    return _gaps([event.timestamp_ms for event in context.session_history], context.timestamp_ms)


def _gaps(times: Sequence[int | None], end: int) -> list[int | None]:
    """How long before the next known time (of the last one: `end`) each time is; None stays None."""
    gaps: list[int | None] = []
    for time in reversed(times):
        gaps.append(None if time is None else end - time)
        end = end if time is None else time
    return gaps[::-1]


def _times(gaps: Sequence[int | None], end: int) -> list[int | None]:
    """Inverse of `_gaps`."""
    times: list[int | None] = []
    for gap in reversed(gaps):
        times.append(None if gap is None else end - gap)
        end = end if gap is None else end - gap
    return times[::-1]


def _differences(values: Sequence[int]) -> list[int]:
    return [*values[:1], *(later - earlier for earlier, later in pairwise(values))]


def _named(names: tuple[str, ...], values: tuple[float | None, ...]) -> dict[str, float]:
    pairs = zip(names, values, strict=True) if values else ()
    return {name: value for name, value in pairs if value is not None}


def _names(mappings: Iterable[Mapping[str, float]]) -> tuple[str, ...]:
    """Every name that occurs, in order of first appearance."""
    return tuple(dict.fromkeys(name for mapping in mappings for name in mapping))
