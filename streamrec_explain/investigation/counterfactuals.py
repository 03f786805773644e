"""Counterfactuals: the smallest change of actual input that would have changed the outcome (Wachter et al. 2018).

Every change searched is one that a person can understand, and each is verified by making the whole list again:
session model, cross features, re-ranker, sorting with the boosts, and the sentence. Nothing is extrapolated.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import msgspec

from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.investigation import changes
from streamrec_explain.investigation.changes import Change, ChangeKind, Maker
from streamrec_explain.investigation.history import HistoryAttribution, effect_of
from streamrec_explain.investigation.restored import Restored
from streamrec_explain.records import Explanation, ListContext, ListItem

KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
MOST_SINGLES = 60
MOST_PAIRED = 8  # items: 28 pairs


class Outcome(msgspec.Struct, frozen=True):
    """What a person sees of one item: its place in the list (1 is the top) and the sentence; and its score."""

    place: int
    raw_score: float
    explanation_type: str
    text: str


class Counterfactual(msgspec.Struct, frozen=True):
    """A change and the outcome it really has, found by making the list again."""

    change: Change
    outcome: Outcome


class Searched(msgspec.Struct, frozen=True):
    """How many changes of a kind were tried, how many altered place or sentence, and the smallest that did each."""

    kind: ChangeKind
    tried: int
    altered_place: int
    altered_sentence: int
    place: Counterfactual | None
    sentence: Counterfactual | None


class LeftOut(msgspec.Struct, frozen=True):
    """What a search could not reach: markets (their snapshot is gone), items of the list, weak history items."""

    kind: Literal["no_trends", "unknown_items", "weak_items"]
    count: int = 0


class Counterfactuals(msgspec.Struct, frozen=True):
    """What was searched and found; kinds in order from the smallest change to the largest.

    `items` is the length of the list that was made again. `left_out` says what could not be searched.
    """

    before: Outcome
    items: int
    searched: tuple[Searched, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def place(self) -> Counterfactual | None:
        """The smallest change that alters the place; None if none of those searched does."""
        return next((each.place for each in self.searched if each.place is not None), None)

    @property
    def sentence(self) -> Counterfactual | None:
        """The smallest change that alters the sentence; None if none of those searched does."""
        return next((each.sentence for each in self.searched if each.sentence is not None), None)

    @property
    def tried(self) -> int:
        """How many changes were tried in all."""
        return sum(each.tried for each in self.searched)


def find_counterfactuals(
    restored: Restored, history: HistoryAttribution, trends: TrendSnapshot | None
) -> Counterfactuals | str:
    """Search every kind of change; a text that says why where the list cannot be made again as it was logged.

    `trends` are those the list was made with, None where they are no longer kept.
    """
    search = _Search(restored, history, trends)
    difference = search.difference()
    if difference:
        return difference
    found = tuple(search.kind(kind) for kind in KINDS)
    return Counterfactuals(search.before, len(search.context.items), found, tuple(search.left_out()))


class _Search:
    """One search: the known part of the list, how it is made again, and what it looks like unchanged."""

    def __init__(self, restored: Restored, history: HistoryAttribution, trends: TrendSnapshot | None) -> None:
        bundle, context = restored.bundle, restored.context
        known = tuple(item for item in context.items if bundle.catalogue.code(item.item_id) >= 0)
        self.context = msgspec.structs.replace(context, items=known)
        self._own, self._history = restored.item, history
        self._twins_above = sum(
            each.item_id == self._own.item_id for each in known if each.position < self._own.position
        )
        self._logged = restored.replayed.explanation
        self._unknown = len(context.items) - len(known)
        self._trends = None if trends is None else trends.aligned_to(bundle.catalogue)
        self._maker = Maker(bundle, self.context, self._own, self._trends)
        self._engine = ExplanationEngine(bundle)
        self._base = self._maker.unchanged()
        self.before = self._outcome(self._base)

    def difference(self) -> str:
        """How the list made again from unchanged input differs from the logged one; empty where it does not."""
        logged = [item.item_id for item in sorted(self.context.items, key=lambda item: item.position)]
        if self.before.text != self._logged.text:
            return "made again by this release, the item gets another sentence: the list was ranked by something else"
        if logged != [item.item_id for item in self._base.items]:
            return "made again by this release, the list is in another order: it was ranked by something else"
        return ""

    def left_out(self) -> Iterator[LeftOut]:
        """What the search could not reach."""
        if self._trends is None:
            yield LeftOut("no_trends")
        if self._unknown:
            yield LeftOut("unknown_items", self._unknown)
        if len(self._history.items) > MOST_SINGLES:
            yield LeftOut("weak_items", MOST_SINGLES)

    def kind(self, kind: ChangeKind) -> Searched:
        """Try every change of a kind."""
        tried = [Counterfactual(change, self._outcome(self._maker.with_change(change))) for change in self._of(kind)]
        place = [each for each in tried if each.outcome.place != self.before.place]
        sentence = [each for each in tried if each.outcome.text != self.before.text]
        return Searched(kind, len(tried), len(place), len(sentence), self._smallest(place), self._smallest(sentence))

    def _smallest(self, found: Iterable[Counterfactual]) -> Counterfactual | None:
        """The smallest change; among equals one that lowers the place, then the one that moves it furthest."""

        def order(each: Counterfactual) -> tuple[int, bool, int, float]:
            moved = each.outcome.place - self.before.place
            return each.change.size, moved < 0, -abs(moved), each.outcome.raw_score

        return min(found, key=order, default=None)

    def _of(self, kind: ChangeKind) -> Iterable[Change]:
        strongest = [item.item_id for item in self._history.ranked if effect_of(item)][:MOST_SINGLES]
        spec, context = self._maker.bundle.spec, self.context
        facts = [f.name for f in spec.features if f.group == "item" and f.dtype == "float" and not f.category]
        by_kind: dict[ChangeKind, Iterable[Change]] = {
            "no_sponsorship": changes.no_sponsorship(self._own),
            "one_history_item": changes.history_items(context, strongest),
            "title_fact": changes.title_facts(context, self._own, facts),
            "no_sponsorship_at_all": changes.no_sponsorship_at_all(context, self._own),
            "two_history_items": changes.history_pairs(context, strongest[:MOST_PAIRED]),
            "other_market": () if self._trends is None else changes.other_markets(context, self._trends),
            "no_profile": changes.no_profile(context),
            "no_history": changes.whole_history(context),
        }
        return by_kind[kind]

    def _outcome(self, context: ListContext) -> Outcome:
        said, item, place = self._said(context)
        return Outcome(place, item.reranking_score, said.explanation_type, said.text)

    def _said(self, context: ListContext) -> tuple[Explanation, ListItem, int]:
        explained = self._engine.explain_list(context).explanations
        same = [place for place, item in enumerate(context.items) if item.item_id == self._own.item_id]
        place = same[self._twins_above]
        return explained[place], context.items[place], place + 1
