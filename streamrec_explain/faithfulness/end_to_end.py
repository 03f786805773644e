"""End to end: what a list would be had the user never engaged with the items that a sentence names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.records import ListContext

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NamedInList:
    """A sentence that names history items: the user, the list, the place of its item in it, the named item ids."""

    user: int
    context: ListContext
    place: int
    named: tuple[str, ...]


@dataclass(frozen=True)
class RemovalEffect:
    """What the named items' events did to the recommended item.

    `drop` is what its raw score (log-odds) loses without them in the history and in every feature derived from it;
    `request_drop` the same with the user features left as the snapshot has them, which is all that can be known
    at request time. `places_lost` is how far down it goes when the whole list is ranked again without them.
    """

    drop: float
    request_drop: float
    places_lost: int


class EndToEnd:
    """Takes events out of one user's past, computes every feature again and ranks the list again."""

    def __init__(self, bundle: EngineBundle, moment: Moment) -> None:
        self._bundle = bundle
        self._items = Catalogue.from_items(moment.world.items)
        self._past = PointInTime(moment.world, bundle.spec, self._items)
        self._as_of_ms = moment.users.as_of_ms

    def effects(self, cases: Sequence[NamedInList]) -> list[RemovalEffect]:
        """The effect of each sentence's named items, judged one sentence at a time."""
        users = np.array([case.user for case in cases], dtype=np.int32)
        removed = [self._items.codes(case.named) for case in cases]
        at = np.full(len(cases), self._as_of_ms)
        values = self._past.user_values_without(users, removed, at)
        return [self._effect(case, row) for case, row in zip(cases, values.tolist(), strict=True)]

    def _effect(self, case: NamedInList, user_values: Sequence[float]) -> RemovalEffect:
        context = case.context
        named = self._bundle.catalogue.codes(case.named).tolist()
        reduced = dict(zip(self._bundle.spec.names_of("user"), user_values, strict=True))
        full = self._raw_scores(context, (), context.user_features)
        at_request = self._raw_scores(context, named, context.user_features)
        without = self._raw_scores(context, named, reduced)
        before, after = (_place(context, scores, case.place) for scores in (full, without))
        return RemovalEffect(
            drop=float(full[case.place] - without[case.place]),
            request_drop=float(full[case.place] - at_request[case.place]),
            places_lost=after - before,
        )

    def _raw_scores(
        self, context: ListContext, removed: Sequence[int], user_features: Mapping[str, float]
    ) -> Floats:
        bundle = self._bundle
        history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
        codes = bundle.catalogue.codes([item.item_id for item in context.items])
        values = item_matrix(bundle, [item.item_features for item in context.items], "items")
        return score_list(bundle, history.without(removed), user_features, codes, values).raw_scores


def _place(context: ListContext, raw_scores: Floats, item: int) -> int:
    """Where an item of the list stands when it is sorted by these scores and its boosts."""
    boosts = np.array([each.promotion.boost if each.promotion else 0.0 for each in context.items])
    order: list[int] = np.argsort(-(raw_scores + boosts), kind="stable").tolist()
    return order.index(item)
