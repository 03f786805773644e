"""Rechecks of claims that are not about single history items, from the models and the events themselves."""

from collections.abc import Callable, Mapping

import numpy as np

from streamrec_explain.events.interactions import codes, engaged
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.explanation.scoring import item_matrix, score_list
from streamrec_explain.faithfulness.sampling import Moment
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.records import Explanation, ListContext


class Recheck:
    """Tests one sentence at a time without the engine's own claims code."""

    def __init__(self, bundle: EngineBundle, moment: Moment) -> None:
        self._bundle = bundle
        self._moment = moment
        impressions = moment.world.impressions
        in_window = impressions["timestamp_ms"].to_numpy() >= moment.timestamp_ms - moment.trends.window_ms
        recent = engaged(impressions) & in_window & (impressions["timestamp_ms"].to_numpy() < moment.timestamp_ms)
        self._recent_items = codes(impressions["item_id"], moment.world.items["item_id"])[recent]
        self._recent_markets = impressions["market"].to_numpy(zero_copy_only=False)[recent]

    def holds(self, context: ListContext, said: Explanation, place: int) -> bool:
        """Whether the sentence at `place` of the list is true; a generic one claims nothing."""
        check = self._checks.get(said.explanation_type)
        return True if check is None else check(context, said, place)

    @property
    def _checks(self) -> Mapping[str, Callable[[ListContext, Explanation, int], bool]]:
        return {
            "category_match": self._category,
            "trending": self._trending,
            "personalized": self._personalized,
            "promoted": self._promoted,
        }

    def _category(self, context: ListContext, said: Explanation, place: int) -> bool:
        """A category feature is among the three largest |SHAP| of this row alone, and positive."""
        shap, features = self._shap(context, place), self._bundle.spec.features
        top = np.argsort(-np.abs(shap), kind="stable")[:3]
        return any(features[column].category and shap[column] > 0 for column in top)

    def _trending(self, context: ListContext, said: Explanation, place: int) -> bool:
        """The claimed count is the number of engaged events in the window, counted again."""
        claim = said.claims[0].evidence
        wanted = self._recent_items == self._moment.trends.item_ids.index(said.item_id)
        if claim["market"] is not None:
            wanted &= self._recent_markets == claim["market"]
        return int(wanted.sum()) == claim["count"]

    def _personalized(self, context: ListContext, said: Explanation, place: int) -> bool:
        """The session score falls without the history, and the re-ranker listened to it."""
        model = self._bundle.session_model
        history = resolve_history(context.session_history, self._bundle.catalogue, context.timestamp_ms)
        item = np.array([self._bundle.catalogue.code(said.item_id)], dtype=np.int32)
        empty = np.empty(0, dtype=np.int32)
        fell = model.scores(history.codes, history.lags, item) > model.scores(empty, empty, item)
        listened = self._shap(context, place)[self._bundle.spec.index(SESSION_SCORE)] > 0
        return bool(fell[0] and listened)

    def _promoted(self, context: ListContext, said: Explanation, place: int) -> bool:
        """Sorting the list again without this item's boost puts it elsewhere."""
        boosts = np.array([item.promotion.boost if item.promotion else 0.0 for item in context.items])
        raw = np.array([item.reranking_score for item in context.items])
        order = np.argsort(-(raw + boosts), kind="stable").tolist()
        boosts[place] = 0.0
        return bool(order.index(place) != np.argsort(-(raw + boosts), kind="stable").tolist().index(place))

    def _shap(self, context: ListContext, place: int) -> np.typing.NDArray[np.float64]:
        item = context.items[place]
        history = resolve_history(context.session_history, self._bundle.catalogue, context.timestamp_ms)
        values = item_matrix(self._bundle, [item.item_features], "items")
        code = np.array([self._bundle.catalogue.code(item.item_id)], dtype=np.int32)
        scored = score_list(self._bundle, history, context.user_features, code, values)
        return np.asarray(self._bundle.explainer.shap_values(scored.features)[0])
