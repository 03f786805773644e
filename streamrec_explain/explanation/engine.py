"""The explanation engine: a pure function from a release and the context of a list to true sentences."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from streamrec_explain.explanation.claims import Case, to_name
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.controls import controls
from streamrec_explain.explanation.history import ResolvedHistory, resolve_history
from streamrec_explain.explanation.listening import raw_drops
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.narration import narrate
from streamrec_explain.explanation.policies import POLICIES
from streamrec_explain.explanation.promotions import promoted
from streamrec_explain.explanation.scoring import ScoredList, item_matrix, score_list
from streamrec_explain.explanation.signals import (
    FeatureColumns,
    ItemAttribution,
    attribute_list,
    no_signals,
    signals_of,
    top_features,
    top_items,
)
from streamrec_explain.explanation.speech import LocaleTemplates
from streamrec_explain.explanation.validation import check_list
from streamrec_explain.features.cross import HISTORY_EVENTS
from streamrec_explain.records import (
    Claim,
    Explanation,
    ExplanationSignals,
    ListContext,
    ListItem,
    RecommendationContext,
    explanation_id,
)

UNKNOWN_ITEM = "unknown_item"
SCORE_MISMATCH = "score_mismatch"
LOCALE_FALLBACK = "locale_fallback"


@dataclass(frozen=True)
class ListExplanation:
    """Explanations of a list, in the order of its items."""

    explanations: tuple[Explanation, ...]


class _Finding(NamedTuple):
    """One known item's attribution, its raw score's drop, and whether the caller's score is the one explained."""

    found: ItemAttribution
    raw_drop: float
    score_matches: bool


class ExplanationEngine:
    """Explains lists with the components of one release.

    Deterministic, without clock or randomness: equal contexts give equal explanations, byte for byte, and
    an item's explanation depends on the other items only through promotions. Threads may share it.
    """

    def __init__(self, bundle: EngineBundle) -> None:
        self.bundle = bundle
        self._names = ItemNames(bundle.catalogue)
        self._columns = FeatureColumns.of(bundle.spec)
        self._policy = POLICIES[bundle.policy]

    def explain_list(self, context: ListContext) -> ListExplanation:
        """Explain every item of a list; RequestError names the field that makes it impossible."""
        check_list(context)
        history = resolve_history(context.session_history, self.bundle.catalogue, context.timestamp_ms)
        spoken = self.bundle.templates.of(context.locale)
        flags = history.flags if spoken else (*history.flags, LOCALE_FALLBACK)
        speech = spoken or self.bundle.templates.fallback
        speaker = _Speaker(self.bundle.spec.names, self._names, speech, context.request_id, flags)
        choices = zip(context.items, self._choose(context, history), strict=True)
        return ListExplanation(tuple(speaker.say(item, choice) for item, choice in choices))

    def signals(self, context: ListContext) -> tuple[ExplanationSignals, ...]:
        """What SHAP and the session model say about each item of a list: the case study's signals.

        No sentence of the honest policy needs them, so lists are explained without making them.
        """
        history = resolve_history(context.session_history, self.bundle.catalogue, context.timestamp_ms)
        findings = self._findings(context, history)
        return tuple(
            signals_of(self.bundle, self._names, item, findings[index].found, context.region)
            if index in findings
            else no_signals(item, context.region)
            for index, item in enumerate(context.items)
        )

    def explain(self, context: RecommendationContext) -> Explanation:
        """Explain one recommendation: a list of one."""
        return self.explain_list(list_of_one(context)).explanations[0]

    def _choose(self, context: ListContext, history: ResolvedHistory) -> Iterator["_Choice"]:
        findings = self._findings(context, history)
        recent = history.codes[-HISTORY_EVENTS:].tolist()
        categories = Counter(category for code in recent for category in self._names.categories[code])
        for index, (item, boost) in enumerate(zip(context.items, promoted(context.items), strict=True)):
            finding = findings.get(index)
            if finding is None:
                yield _Choice(None, _first(boost), (UNKNOWN_ITEM,))
                continue
            if not finding.score_matches:
                yield _Choice(finding.found, _first(boost), (SCORE_MISMATCH,))
                continue
            case = Case(item, finding.found, context.region, categories, finding.raw_drop)
            yield _Choice(finding.found, _first(boost) or self._policy(self.bundle, self._names, case), ())

    def _findings(self, context: ListContext, history: ResolvedHistory) -> Mapping[int, _Finding]:
        """What the models say of each known item, by its index in the list."""
        items = context.items
        codes = self.bundle.catalogue.codes([item.item_id for item in items])
        values = item_matrix(self.bundle, [item.item_features for item in items], "items")
        known = (codes >= 0).nonzero()[0]
        scored = score_list(self.bundle, history, context.user_features, codes[known], values[known])
        tolerance = self.bundle.thresholds.score_tolerance
        attributions = attribute_list(self.bundle, self._columns, scored)
        drops = self._raw_drops(history, scored, attributions)
        rows = zip(known.tolist(), attributions, drops, scored.raw_scores.tolist(), strict=True)
        return {
            index: _Finding(found, drop, abs(items[index].reranking_score - raw) <= tolerance)
            for index, found, drop, raw in rows
        }

    def _raw_drops(
        self, history: ResolvedHistory, scored: ScoredList, attributions: Sequence[ItemAttribution]
    ) -> list[float]:
        """What raw scores lose without the items that sentences may name, where the release asks for it."""
        if self.bundle.thresholds.history_raw_margin is None:
            return [0.0] * len(attributions)
        chosen = [to_name(self.bundle, self._names, found) for found in attributions]
        named = [tuple(code for code, _ in pairs) for pairs in chosen]
        drops: list[float] = raw_drops(self.bundle, history, scored, named).tolist()
        return drops


class _Choice(NamedTuple):
    """What is known of one item (None: no model knows it), what is claimed of it (None: nothing), and why."""

    found: ItemAttribution | None
    claim: Claim | None
    flags: tuple[str, ...]


class _Speaker(NamedTuple):
    """Turns choices into explanations in the locale of one request."""

    features: Sequence[str]
    names: ItemNames
    speech: LocaleTemplates
    request_id: str
    flags: tuple[str, ...]

    def say(self, item: ListItem, choice: _Choice) -> Explanation:
        """The explanation that states the chosen claim."""
        claim, found = choice.claim, choice.found
        template, text = narrate(claim, self.speech, self.names)
        return Explanation(
            explanation_id=explanation_id(self.request_id, item.position),
            item_id=item.item_id,
            position=item.position,
            text=text,
            explanation_type=claim.kind if claim else "generic",
            template=template,
            claims=(claim,) if claim else (),
            controls=controls(self.speech, self.names, item.item_id, found.code if found else -1, claim),
            shap_top_features=top_features(self.features, found) if found else (),
            attention_top_items=top_items(self.names.catalogue.item_ids, found) if found else (),
            flags=(*choice.flags, *self.flags),
        )


def _first(boost: Claim | None) -> Claim | None:
    """The promotion claim where the boost changed the place: it is always said."""
    return boost if boost is not None and boost.verdict else None


def list_of_one(context: RecommendationContext) -> ListContext:
    """The list context of a single recommendation."""
    item = ListItem(
        item_id=context.recommended_item_id,
        position=context.position,
        ranking_score=context.ranking_score,
        reranking_score=context.reranking_score,
        item_features=context.item_features,
        promotion=context.promotion,
    )
    return ListContext(
        request_id=context.request_id,
        user_id_hash=context.user_id_hash,
        region=context.region,
        locale=context.locale,
        timestamp_ms=context.timestamp_ms,
        session_history=context.session_history,
        user_features=context.user_features,
        items=(item,),
    )


def explanation_bytes(explanation: Explanation) -> bytes:
    """Canonical JSON of an explanation (sorted keys): what a replay must reproduce."""
    return msgspec.json.encode(explanation, order="sorted")
