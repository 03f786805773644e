"""Signals: what SHAP and the session model say about each item of a list, before any sentence is chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.attribution.removal import group_events, largest
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.scoring import ScoredList
from streamrec_explain.features.spec import GROUPS, SESSION_SCORE, FeatureSpec
from streamrec_explain.models.session_model import attention
from streamrec_explain.records import ExplanationSignals, ListItem

Floats = NDArray[np.float64]

TOP_FEATURES = 5
TOP_ITEMS = 5
UNKNOWN_PERCENTILE = 50.0


class ItemAttribution(msgspec.Struct, frozen=True, gc=False):
    """The numbers of one item that claims are checked against.

    `shap` [F] in the order of the spec (log-odds); `top_features` are the columns with the largest |SHAP|;
    `category_shap` is what all category features add together.
    `strongest` are (catalogue row, contribution) of the two history items that raise the session score most,
    `attended` (catalogue row, share of the absolute contribution), both largest first and per distinct item:
    a contribution is what the score loses when all events of the item are really removed.
    `attended_contributions` are those behind the shares. `history_total` is what the whole history adds.
    """

    code: int
    shap: list[float]
    top_features: list[int]
    category_shap: float
    group_shares: list[float]
    session_score_shap: float
    strongest: list[tuple[int, float]]
    attended: list[tuple[int, float]]
    attended_contributions: list[float]
    history_total: float
    recency_bias: float


@dataclass(frozen=True)
class FeatureColumns:
    """Where the features that signals speak of stand in the spec; made once per release.

    The spec orders features by group, so that `group_starts` (user, item, cross) tell them apart.
    """

    session_score: int
    category: list[int]
    group_starts: list[int]

    @classmethod
    def of(cls, spec: FeatureSpec) -> "FeatureColumns":
        """The columns of a spec."""
        category = [column for column, feature in enumerate(spec.features) if feature.category]
        return cls(spec.index(SESSION_SCORE), category, [int(spec.of_group(group)[0]) for group in GROUPS])


def attribute_list(
    bundle: EngineBundle, columns: FeatureColumns, scored: ScoredList
) -> list[ItemAttribution]:
    """Attribute the re-ranker's raw score to features and the session score to history items, per item."""
    shap = bundle.explainer.shap_values(scored.features)
    groups = group_events(scored.history.codes)
    effects = bundle.session_model.effects(scored.history.codes, scored.history.lags, scored.codes, groups)
    drops, shares = effects.drops, attention(effects.drops)
    attended = largest(shares, TOP_ITEMS)
    codes = groups.codes.tolist()
    return [
        ItemAttribution(*row)
        for row in zip(
            scored.codes.tolist(),
            shap.tolist(),
            largest(np.abs(shap), TOP_FEATURES).tolist(),
            np.take(shap, columns.category, axis=1).sum(axis=1).tolist(),
            _group_shares(columns, shap).tolist(),
            shap[:, columns.session_score].tolist(),
            _named(codes, drops.tolist(), largest(drops, 2).tolist()),
            _named(codes, shares.tolist(), attended.tolist()),
            drops[np.arange(len(drops))[:, None], attended].tolist(),
            effects.total.tolist(),
            _recency_bias(effects.attention).tolist(),
            strict=True,
        )
    ]


def top_features(names: Sequence[str], found: ItemAttribution) -> tuple[tuple[str, float], ...]:
    """The features with the largest |SHAP|, by name."""
    return tuple([(names[column], found.shap[column]) for column in found.top_features])


def top_items(item_ids: Sequence[str], found: ItemAttribution) -> tuple[tuple[str, float], ...]:
    """The history items that were attended to at all, by id, with their shares."""
    return tuple([(item_ids[code], share) for code, share in found.attended if share])


def signals_of(
    bundle: EngineBundle, names: ItemNames, item: ListItem, found: ItemAttribution, region: str
) -> ExplanationSignals:
    """The case study's signals of one item."""
    user, item_share, cross = found.group_shares
    return ExplanationSignals(
        shap_top_features=top_features(bundle.spec.names, found),
        shap_dominant_category=_dominant_category(bundle.spec, names, found),
        shap_user_share=user,
        shap_item_share=item_share,
        shap_cross_share=cross,
        session_score_shap=found.session_score_shap,
        attention_top_items=top_items(bundle.catalogue.item_ids, found),
        attention_recency_bias=found.recency_bias,
        attention_category_match=_category_match(names, found),
        item_popularity_percentile=fact(item, "popularity_percentile", UNKNOWN_PERCENTILE),
        item_is_trending=0.0 < fact(item, "trend_rank", 0.0) <= bundle.thresholds.case_trending_rank,
        user_region=region,
    )


def no_signals(item: ListItem, region: str) -> ExplanationSignals:
    """The signals of an item no model knows: nothing but its facts."""
    return ExplanationSignals(
        shap_top_features=(),
        shap_dominant_category=None,
        shap_user_share=0.0,
        shap_item_share=0.0,
        shap_cross_share=0.0,
        session_score_shap=0.0,
        attention_top_items=(),
        attention_recency_bias=0.0,
        attention_category_match=0.0,
        item_popularity_percentile=fact(item, "popularity_percentile", UNKNOWN_PERCENTILE),
        item_is_trending=False,
        user_region=region,
    )


def fact(item: ListItem, name: str, default: float) -> float:
    """A fact of the trend snapshot about an item in its market; `default` where it is missing or NaN."""
    value = item.item_facts.get(name, default)
    return default if isnan(value) else float(value)


def _group_shares(columns: FeatureColumns, shap: Floats) -> Floats:
    masses = np.add.reduceat(np.abs(shap), columns.group_starts, axis=1)
    total = masses.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(masses, total, out=np.zeros_like(masses), where=total > 0)
    return shares


def _named(codes: list[int], values: list[list[float]], order: list[list[int]]) -> list[list[tuple[int, float]]]:
    return [[(codes[group], row[group]) for group in top] for row, top in zip(values, order, strict=True)]


def _recency_bias(shares: Floats) -> Floats:
    """Correlation of attention with place in the history; 0 where either does not vary."""
    length = shares.shape[1]
    if length < 2:
        return np.zeros(len(shares))
    place = np.arange(length) - (length - 1) / 2
    centred = shares - shares.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).sum(axis=1) * (place**2).sum())
    varies = spread > 1e-9
    bias: Floats = np.divide((centred * place).sum(axis=1), spread, out=np.zeros(len(shares)), where=varies)
    return bias


def _dominant_category(spec: FeatureSpec, names: ItemNames, found: ItemAttribution) -> str | None:
    if any(spec.features[column].category for column in found.top_features[:3]):
        return names.category(found.code)
    return None


def _category_match(names: ItemNames, found: ItemAttribution) -> float:
    own = names.main_categories[found.code]
    top: Sequence[int] = [names.main_categories[code] for code, share in found.attended[:3] if share]
    return sum(main == own >= 0 for main in top) / max(len(top), 1)
