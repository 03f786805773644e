"""Item features: what is known of an item in a market as of a tick, from impressions strictly before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamrec_explain.features.as_of import Cut, Timeline, ratio, timeline
from streamrec_explain.features.catalogue import UNKNOWN, Catalogue
from streamrec_explain.features.observations import Observations
from streamrec_explain.features.ticks import Windows
from streamrec_explain.features.trends import FACT_NAMES, trend_facts

DAY_MS = 86_400_000
RATE_PRIOR = 20.0  # impressions; a rate starts at its market's and moves as the item's own come in

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Columns = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class _Group:
    """The observations of a world by (market, code) for one kind of code: item, category, creator or none."""

    n_codes: int
    timeline: Timeline
    seen: Observations

    def before(self, codes: Codes, markets: Codes, times: Ints) -> Cut:
        """The observations of each code in each market strictly before each time; none for code -1."""
        keys = markets.astype(np.int64) * self.n_codes + codes
        return self.timeline.before(np.where(codes == UNKNOWN, UNKNOWN, keys), times)

    def sum(self, outcome: str, cut: Cut) -> Floats:
        """How often there was an outcome (a boolean array of `Observations`)."""
        return self.timeline.sum(getattr(self.seen, outcome), cut)


def _group(seen: Observations, codes: Codes, n_codes: int, n_markets: int) -> _Group:
    keys = np.where(codes == UNKNOWN, UNKNOWN, seen.market.astype(np.int64) * n_codes + codes)
    by_key, order = timeline(keys, seen.time_ms, n_codes * n_markets)
    return _Group(n_codes, by_key, seen.take(order))


class ItemHistory:
    """The observations of a world by item, category, creator and market, to be asked at any tick."""

    def __init__(self, seen: Observations, catalogue: Catalogue, n_markets: int, windows: Windows) -> None:
        """The last of the `n_markets` is "ALL"; `seen` has the markets that the events were in."""
        self._catalogue, self._windows = catalogue, windows
        self._all = n_markets - 1
        self._first_ms = int(seen.time_ms[0]) if len(seen) else 0
        engaged = seen.take(seen.engaged)
        self._engaged = [engaged.take(engaged.market == m) for m in range(self._all)] + [engaged]
        if self._all:
            seen = seen.take(seen.market != self._all).and_then(seen.with_market(self._all))
        n_items, n_categories = len(catalogue), max(len(catalogue.category_names), 1)
        self._item = _group(seen, seen.item, n_items, n_markets)
        self._category = _group(seen, catalogue.categories[seen.item, 0], n_categories, n_markets)
        n_creators = max(len(catalogue.creator_names), 1)
        self._creator = _group(seen, catalogue.creators[seen.item], n_creators, n_markets)
        self._market = _group(seen, np.zeros(len(seen), np.int32), 1, n_markets)

    def columns(self, items: Codes, markets: Codes, ticks: Ints, facts: Floats) -> Columns:
        """A column float64 [n] per feature, NaN where unknown; `facts` are `facts(items, markets, ticks)`."""
        return (
            static_columns(self._catalogue, items, ticks)
            | self._rate_columns(items, markets, ticks)
            | self._count_columns(items, markets, ticks)
            | self._category_columns(items, markets, ticks)
            | self._trend_columns(items, ticks, facts)
        )

    def facts(self, items: Codes, markets: Codes, ticks: Ints) -> Floats:
        """The trend facts (`FACT_NAMES`) of items in markets at ticks, float64 [n, 5]."""
        answer = np.empty((len(items), len(FACT_NAMES)))
        for market, engaged in enumerate(self._engaged):
            asked = markets == market
            answer[asked] = trend_facts(
                engaged.item,
                engaged.time_ms,
                items[asked],
                ticks[asked],
                self._windows,
                self._first_ms,
                len(self._catalogue),
            )
        return answer

    def _usual_rate(self, outcome: str, markets: Codes, ticks: Ints, out_of: str | None = None) -> Floats:
        """The share of a market's impressions (or clicks) with an outcome: where an item's rate starts."""
        cut = self._market.before(np.zeros(len(markets), np.int32), markets, ticks)
        return ratio(self._market.sum(outcome, cut), self._market.sum(out_of, cut) if out_of else cut.count)

    def _rate_columns(self, items: Codes, markets: Codes, ticks: Ints) -> Columns:
        group, total = self._item, self._item.timeline.sum
        cut = group.before(items, markets, ticks)
        early = group.before(items, markets, ticks - self._windows.long_ms)
        clicks, engaged = group.sum("clicked", cut), group.sum("engaged", cut)
        usual = self._usual_rate("engaged", markets, ticks)
        watched = group.seen.clicked & ~np.isnan(group.seen.watch_fraction)
        fraction = np.where(watched, np.minimum(group.seen.watch_fraction, 1.0), 0.0)
        rates = {
            "item_engagement_rate": _smoothed(engaged, cut.count, usual),
            "item_recent_engagement_rate": _smoothed(
                engaged - group.sum("engaged", early), cut.count - early.count, usual
            ),
            "item_click_rate": _smoothed(clicks, cut.count, self._usual_rate("clicked", markets, ticks)),
            "item_completion_rate": _smoothed(
                engaged, clicks, self._usual_rate("engaged", markets, ticks, out_of="clicked")
            ),
            "item_rejection_rate": _smoothed(
                group.sum("rejected", cut), cut.count, self._usual_rate("rejected", markets, ticks)
            ),
            "item_avg_watch_fraction": ratio(total(fraction, cut), total(watched, cut)),
        }
        return _known(rates, items)

    def _count_columns(self, items: Codes, markets: Codes, ticks: Ints) -> Columns:
        everywhere = np.full(len(items), self._all, np.int32)
        here = self._item.sum("engaged", self._item.before(items, markets, ticks))
        total = self._item.sum("engaged", self._item.before(items, everywhere, ticks))
        return {"item_engaged_count": total, "item_region_share": ratio(here, total)}

    def _category_columns(self, items: Codes, markets: Codes, ticks: Ints) -> Columns:
        """How the item's main category and its creator do in the market."""
        categories = np.where(items == UNKNOWN, UNKNOWN, self._catalogue.categories[items, 0])
        creators = np.where(items == UNKNOWN, UNKNOWN, self._catalogue.creators[items])
        usual = self._usual_rate("engaged", markets, ticks)
        by_category = self._category.before(categories, markets, ticks)
        by_creator = self._creator.before(creators, markets, ticks)
        category_rate = _smoothed(self._category.sum("engaged", by_category), by_category.count, usual)
        creator_rate = _smoothed(self._creator.sum("engaged", by_creator), by_creator.count, usual)
        nothing = np.zeros(len(items), np.int32)
        share = ratio(
            self._recent_engaged(self._category, categories, markets, ticks),
            self._recent_engaged(self._market, nothing, markets, ticks),
        )
        return _known(
            {"item_category_engagement_rate": category_rate, "item_category_recent_share": share}, categories
        ) | _known({"item_creator_engagement_rate": creator_rate}, creators)

    def _recent_engaged(self, group: _Group, codes: Codes, markets: Codes, ticks: Ints) -> Floats:
        now = group.sum("engaged", group.before(codes, markets, ticks))
        return now - group.sum("engaged", group.before(codes, markets, ticks - self._windows.long_ms))

    def _trend_columns(self, items: Codes, ticks: Ints, facts: Floats) -> Columns:
        everywhere = np.full(len(items), self._all, np.int32)
        percentile = facts[:, 0] if not self._all else self.facts(items, everywhere, ticks)[:, 0]
        columns = {
            "item_popularity_percentile": percentile,
            "item_recent_engaged_count": facts[:, FACT_NAMES.index("trend_count")],
            "item_trend_growth": facts[:, FACT_NAMES.index("trend_growth")],
        }
        return _known(columns, items)


def static_columns(catalogue: Catalogue, items: Codes, ticks: Ints) -> Columns:
    """The features that need no events: a column float64 [n] each, NaN where unknown or for code -1."""
    published = catalogue.publish_time_ms[items]
    age_days = np.where(published == UNKNOWN, np.nan, np.maximum(ticks - published, 0) / DAY_MS)
    categories = catalogue.categories[items]
    columns = {
        "item_category": np.where(categories[:, 0] == UNKNOWN, np.nan, categories[:, 0]),
        "item_freshness_days": age_days,
        "item_creator_subscriber_count": catalogue.creator_subscribers[items],
        "item_duration_s": catalogue.duration_s[items],
        "item_sponsored": catalogue.sponsored[items].astype(np.float64),
        "item_topic_count": (categories != UNKNOWN).sum(axis=1).astype(np.float64),
    }
    return _known(columns, items)


def _smoothed(successes: Floats, trials: Floats, usual: Floats) -> Floats:
    """(successes + PRIOR * usual) / (trials + PRIOR): NaN only where no usual rate is known."""
    return (successes + RATE_PRIOR * usual) / (trials + RATE_PRIOR)


def _known(columns: Columns, codes: Codes) -> Columns:
    """The columns with NaN where the code is unknown."""
    return {name: np.where(codes == UNKNOWN, np.nan, column) for name, column in columns.items()}
