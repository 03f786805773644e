"""The full history attribution of one item: what every past event adds to the session score, by three methods.

Removal takes events away and scores again (the others keep their numbers); contributions are the additive
model's own terms; gradients are integrated from events without content, zero embeddings, which for the additive
model are no history at all (Sundararajan et al. 2017, eq. 1).
The SHAP value of the session score is then *split* over events in proportion to what each adds. A split is an
arithmetic convention, not a measurement: the re-ranker sees one session score, never single events.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.axioms import removal_residual
from streamrec_explain.attribution.protocols import AdditiveSequenceScore
from streamrec_explain.attribution.removal import EventGroups, group_events, removal_drops
from streamrec_explain.errors import UnsupportedModelError
from streamrec_explain.explanation.history import ResolvedHistory
from streamrec_explain.faithfulness.gradients import history_gradients
from streamrec_explain.investigation.restored import Restored

Floats = NDArray[np.float64]
SplitBasis = Literal["removal", "integrated_gradients"]
LEAST_NET = 0.1  # of the absolute effects: below it the events cancel out, and shares of their sum say nothing


class EventEffect(msgspec.Struct, frozen=True):
    """What one event, or all events of one item together, adds to the session score; None: not computed.

    `events_ago` is 1 for the user's latest event (of an item: its latest event); `events` how many there are.
    `shap_split` is this event's part of the session score's SHAP value (log-odds), see `HistoryAttribution`.
    """

    item_id: str
    events_ago: int
    timestamp_ms: int | None
    events: int = 1
    removal: float | None = None
    contribution: float | None = None
    attention: float | None = None
    gradient: float | None = None
    shap_split: float | None = None


class HistoryAttribution(msgspec.Struct, frozen=True, kw_only=True):
    """Effects of the whole history on one item's session score, the latest event first.

    `removal_residual` is the largest |contribution - removal| of an event, None where the model is not additive.
    `gradient_residual` is that of the integrated gradients, relative to the score they should add up to; above 1% they
    are rejected and None. Attention is the model's own, of an additive model the share of |contribution|.
    `split_total` is the session score's SHAP value; `split_basis` says by which effects it was split, None
    where it was not because the effects cancel out or point against it.
    """

    session_score: float
    score_without_history: float
    events: tuple[EventEffect, ...]
    items: tuple[EventEffect, ...]
    removal_residual: float | None
    gradient_residual: float | None
    split_total: float
    split_basis: SplitBasis | None

    @property
    def ranked(self) -> tuple[EventEffect, ...]:
        """The items with the largest |effect| first, by removal or, where that is not told, by gradients."""
        return tuple(sorted(self.items, key=lambda each: -abs(effect_of(each))))


def effect_of(effect: EventEffect) -> float:
    """What is known of an event's effect: removal, else gradients; 0 where neither was computed."""
    return effect.removal if effect.removal is not None else effect.gradient or 0.0


def attribute_history(restored: Restored, session_shap: float) -> HistoryAttribution | None:
    """The history attribution of the item under investigation; None if no model scored it."""
    if restored.scored is None:
        return None
    seen, candidate, model = restored.scored.history, restored.scored.codes, restored.bundle.session_model
    alone, grouped = _each_alone(seen), group_events(seen.codes)
    removal = removal_drops(model, seen.codes, seen.lags, candidate, alone)
    contributions = _contributions(model, seen, candidate)
    gradients, gradient_residual = _gradients(restored, seen, int(candidate[0]))
    split = split_in_proportion(session_shap, removal)
    shares = model.effects(seen.codes, seen.lags, candidate, alone).attention
    by_event = {"contribution": contributions, "gradient": gradients, "shap_split": split, "attention": shares}

    def effects(groups: EventGroups, removed: Floats) -> tuple[EventEffect, ...]:
        sums = {name: groups.sums(row) for name, row in by_event.items() if row is not None}
        return _effects(restored, seen, groups, {"removal": removed, **sums})

    nothing = np.zeros(0, np.int32)
    return HistoryAttribution(
        session_score=float(restored.scored.session_scores[0]),
        score_without_history=float(model.scores(nothing, nothing, candidate)[0]),
        events=effects(alone, removal),
        items=effects(grouped, removal_drops(model, seen.codes, seen.lags, candidate, grouped)),
        removal_residual=None if contributions is None else float(removal_residual(contributions, removal)[0]),
        gradient_residual=gradient_residual,
        split_total=session_shap,
        split_basis=None if split is None else "removal",
    )


def by_gradients_alone(found: HistoryAttribution) -> HistoryAttribution:
    """The same attribution told by integrated gradients only: no attention, no contributions, no removal."""
    gradients = np.array([np.nan if event.gradient is None else event.gradient for event in found.events])
    split = split_in_proportion(found.split_total, gradients)
    events = tuple(
        _gradient_only(event, None if split is None else float(split[place]))
        for place, event in enumerate(found.events)
    )
    items = tuple(_gradient_only(item, _split_of(item.item_id, events)) for item in found.items)
    return msgspec.structs.replace(
        found,
        events=events,
        items=items,
        removal_residual=None,
        split_basis=None if split is None else "integrated_gradients",
    )


def split_in_proportion(total: float, effects: Floats) -> Floats | None:
    """`total` divided in proportion to `effects` of any shape, adding up to it.

    None where the effects are unknown, cancel out (their sum is below a tenth of their sizes) or sum to the
    other sign: then a share of the sum would call something a reason that pulls the other way.
    """
    net, size = float(effects.sum()), float(np.abs(effects).sum())
    if not net * total > 0.0 or abs(net) < LEAST_NET * size:
        return None
    return total * effects / net


def _gradient_only(effect: EventEffect, split: float | None) -> EventEffect:
    return msgspec.structs.replace(effect, removal=None, contribution=None, attention=None, shap_split=split)


def _split_of(item_id: str, events: Sequence[EventEffect]) -> float | None:
    parts = [event.shap_split for event in events if event.item_id == item_id and event.shap_split is not None]
    return sum(parts) if parts else None


def _each_alone(history: ResolvedHistory) -> EventGroups:
    return EventGroups(history.codes, np.arange(len(history.codes)))


def _contributions(model: object, history: ResolvedHistory, candidate: NDArray[np.int32]) -> Floats | None:
    if not isinstance(model, AdditiveSequenceScore):
        return None
    return model.contributions(history.codes, history.lags, candidate)


def _gradients(restored: Restored, history: ResolvedHistory, candidate: int) -> tuple[Floats | None, float | None]:
    """Integrated gradients [1, L] and their residual; no gradients where that is too large.

    Neither where the model is of a kind that cannot be differentiated.
    """
    if not len(history.codes):
        return np.zeros((1, 0)), 0.0
    try:
        path = history_gradients(restored.bundle.session_model, history, candidate)
    except UnsupportedModelError:
        return None, None
    return (path.values[None] if path.complete else None), path.residual


def _effects(
    restored: Restored, history: ResolvedHistory, groups: EventGroups, measured: Mapping[str, Floats]
) -> tuple[EventEffect, ...]:
    """One effect per group of events, the latest first; `measured` [1, G] by the name of the effect's field."""
    times = _times(restored)
    values = {name: row[0].tolist() for name, row in measured.items()}
    effects = []
    for group, code in enumerate(groups.codes.tolist()):
        lags = history.lags[groups.group_of == group].tolist()
        item_id, latest = restored.bundle.catalogue.item_ids[code], min(lags)
        numbers = {name: row[group] for name, row in values.items()}
        when = times.get((item_id, latest))
        effects.append(EventEffect(item_id, latest, when, len(lags), **numbers))
    return tuple(sorted(effects, key=lambda effect: effect.events_ago))


def _times(restored: Restored) -> dict[tuple[str, int], int | None]:
    """When each event happened, by its item and how many events ago it was."""
    now = restored.context.timestamp_ms
    present = [event for event in restored.context.session_history if not now or (event.timestamp_ms or 0) <= now]
    following = max((event.sequence for event in present), default=0) + 1
    return {(event.item_id, following - event.sequence): event.timestamp_ms for event in present}
