"""Changes of input that a person can understand, and the list as it would have been made with one of them."""

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Literal

import msgspec
import numpy as np

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.ranking import Candidate, candidates_in, rank_list
from streamrec_explain.features.observations import ALL_MARKETS
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.records import HistoryEvent, ListContext, ListItem

ChangeKind = Literal[
    "no_sponsorship",
    "one_history_item",
    "title_fact",
    "no_sponsorship_at_all",
    "two_history_items",
    "other_market",
    "no_profile",
    "no_history",
]
# An event whose item is not in the catalogue keeps its number and is ignored: what a removed event leaves behind.
REMOVED_ITEM = ""


class Change(msgspec.Struct, frozen=True):
    """One change: `items` leave the history, or a feature of the title takes the value of another of the list.

    `size` orders changes of a kind: how many events or values change, or how many values of the list's lie
    between the old and the new one.
    """

    kind: ChangeKind
    size: int
    items: tuple[str, ...] = ()
    market: str | None = None
    feature: str | None = None
    old: float | None = None
    new: float | None = None
    like_item: str | None = None


def no_sponsorship(own: ListItem) -> Iterator[Change]:
    """Without the boost of this title, if it has one."""
    if own.promotion is not None and own.promotion.boost:
        yield Change("no_sponsorship", 1)


def no_sponsorship_at_all(context: ListContext, own: ListItem) -> Iterator[Change]:
    """Without any boost in the list, if another title has one."""
    boosted = [item for item in context.items if item.promotion is not None and item.promotion.boost]
    if any(item.position != own.position for item in boosted):
        yield Change("no_sponsorship_at_all", len(boosted))


def history_items(context: ListContext, item_ids: Sequence[str]) -> Iterator[Change]:
    """Without one of `item_ids` in the history, all its events removed."""
    for item_id in item_ids:
        yield Change("one_history_item", _events_of(context, (item_id,)), (item_id,))


def history_pairs(context: ListContext, item_ids: Sequence[str]) -> Iterator[Change]:
    """Without two of `item_ids` in the history."""
    for place, first in enumerate(item_ids):
        for second in item_ids[place + 1 :]:
            pair = (first, second)
            yield Change("two_history_items", _events_of(context, pair), pair)


def whole_history(context: ListContext) -> Iterator[Change]:
    """Without any history, if there is one."""
    if context.session_history:
        yield Change("no_history", len(context.session_history))


def no_profile(context: ListContext) -> Iterator[Change]:
    """With nothing known of the person's habits, if anything was."""
    known = sum(not isnan(value) for value in context.user_features.values())
    if known:
        yield Change("no_profile", known)


def other_markets(context: ListContext, trends: TrendSnapshot) -> Iterator[Change]:
    """With the popularity and trends of another market."""
    for market in trends.markets:
        if market not in (context.region, ALL_MARKETS):
            yield Change("other_market", 1, market=market)


def title_facts(context: ListContext, own: ListItem, names: Sequence[str]) -> Iterator[Change]:
    """With one item feature as it really is for another title of the same list."""
    for name in names:
        old = own.item_features.get(name, np.nan)
        real = {item.item_features[name]: item.item_id for item in context.items if name in item.item_features}
        others = {value: item_id for value, item_id in real.items() if not isnan(value) and value != old}
        below = sorted((value for value in others if not value > old), reverse=True)
        above = sorted(value for value in others if value > old)
        for values in (below, above):
            for steps, value in enumerate(values, start=1):
                yield Change("title_fact", steps, feature=name, old=old, new=value, like_item=others[value])


class Maker(msgspec.Struct, frozen=True):
    """Makes a list again: session model, cross features, re-ranker, sorting with the boosts.

    Every item of `context` must be in the catalogue; `trends` (aligned to it) are needed for other markets.
    """

    bundle: EngineBundle
    context: ListContext
    own: ListItem
    trends: TrendSnapshot | None = None

    def unchanged(self) -> ListContext:
        """The list as this release ranks it from the logged input."""
        return self._ranked(self.context, self._candidates())

    def with_change(self, change: Change) -> ListContext:
        """The list as it would have been ranked."""
        return {
            "no_sponsorship": self._without_boosts,
            "no_sponsorship_at_all": self._without_boosts,
            "one_history_item": self._without_items,
            "two_history_items": self._without_items,
            "no_history": self._without_history,
            "no_profile": self._without_profile,
            "other_market": self._in_market,
            "title_fact": self._with_fact,
        }[change.kind](change)

    def _candidates(self) -> list[Candidate]:
        """In the logged order, which is how equal scores stay sorted."""
        ordered = sorted(self.context.items, key=lambda item: item.position)
        return [Candidate(item.item_id, item.item_features, item.item_facts, item.promotion) for item in ordered]

    def _ranked(self, context: ListContext, candidates: Sequence[Candidate]) -> ListContext:
        history, users = context.session_history, context.user_features
        items = rank_list(self.bundle, history, users, candidates, context.timestamp_ms)
        return msgspec.structs.replace(context, items=items)

    def _without_boosts(self, change: Change) -> ListContext:
        kept = change.kind == "no_sponsorship"
        return self._ranked(
            self.context,
            [
                each if kept and each.item_id != self.own.item_id else msgspec.structs.replace(each, promotion=None)
                for each in self._candidates()
            ],
        )

    def _without_items(self, change: Change) -> ListContext:
        events = tuple(
            HistoryEvent(REMOVED_ITEM, event.sequence, event.timestamp_ms) if event.item_id in change.items else event
            for event in self.context.session_history
        )
        return self._ranked(msgspec.structs.replace(self.context, session_history=events), self._candidates())

    def _without_history(self, _: Change) -> ListContext:
        return self._ranked(msgspec.structs.replace(self.context, session_history=()), self._candidates())

    def _without_profile(self, _: Change) -> ListContext:
        return self._ranked(msgspec.structs.replace(self.context, user_features={}), self._candidates())

    def _in_market(self, change: Change) -> ListContext:
        if change.market is None or self.trends is None:
            raise ValueError(f"{change.kind} needs a market and the trend snapshot it is taken from")
        logged = self._candidates()
        promotions = {each.item_id: each.promotion for each in logged if each.promotion is not None}
        ids = [each.item_id for each in logged]
        moved = msgspec.structs.replace(self.context, region=change.market)
        return self._ranked(moved, candidates_in(self.trends, self.bundle, ids, change.market, promotions))

    def _with_fact(self, change: Change) -> ListContext:
        if change.feature is None or change.new is None:
            raise ValueError(f"{change.kind} needs a feature and its new value")
        fact = {change.feature: change.new}
        candidates = [
            msgspec.structs.replace(each, item_features={**each.item_features, **fact})
            if each.item_id == self.own.item_id
            else each
            for each in self._candidates()
        ]
        return self._ranked(self.context, candidates)


def _events_of(context: ListContext, item_ids: Sequence[str]) -> int:
    return sum(event.item_id in item_ids for event in context.session_history)
