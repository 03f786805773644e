"""Items explained as trending although the trend snapshot says otherwise: entries joined with their snapshots."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from streamrec_explain.audit_log.questions.rollups import BY_ITEM, Rollups
from streamrec_explain.audit_log.table import conditions
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.features.catalogue import UNKNOWN
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.trends import FACT_NAMES

TRENDING = "trending"


class ContradictedItem(msgspec.Struct, frozen=True):
    """One item in one market: of `entries` explanations `trending` were so, `contradicted` against the snapshot.

    `snapshots` are the digests that contradict. `always` is true where every explanation of it was.
    """

    item_id: str
    region: str
    entries: int
    trending: int
    contradicted: int
    snapshots: tuple[str, ...]

    @property
    def always(self) -> bool:
        """Whether it was never explained in another way, and each time against the snapshot."""
        return self.contradicted == self.entries


class _Shown(msgspec.Struct, frozen=True):
    item_id: str
    region: str
    trend_digest: str
    model_version: str
    entries: int
    trending: int


def contradicted_items(
    rollups: Rollups,
    trends: Callable[[str], TrendSnapshot],
    thresholds: Callable[[str], Thresholds],
    first: str | None = None,
    last: str | None = None,
) -> tuple[ContradictedItem, ...]:
    """The items of the days from first to last (YYYY-MM-DD, None: open), those most often contradicted first.

    The roll-ups must be fresh (`rollups.plan_rollups`). `trends` gives kept snapshots by digest, `thresholds`
    those of a release; SnapshotNotFoundError or ReleaseError where one is gone.
    """
    facts = _Facts(trends, thresholds)
    found: dict[tuple[str, str], ContradictedItem] = {}
    for shown in _shown(rollups, first, last):
        place = (shown.item_id, shown.region)
        known = found.get(place, ContradictedItem(*place, 0, 0, 0, ()))
        wrong = shown.trending > 0 and not facts.say_trending(shown)
        found[place] = msgspec.structs.replace(
            known,
            entries=known.entries + shown.entries,
            trending=known.trending + shown.trending,
            contradicted=known.contradicted + (shown.trending if wrong else 0),
            snapshots=(*known.snapshots, shown.trend_digest) if wrong else known.snapshots,
        )
    wrong_ones = [item for item in found.values() if item.contradicted]
    return tuple(sorted(wrong_ones, key=lambda item: (-item.contradicted, item.item_id, item.region)))


def _shown(rollups: Rollups, first: str | None, last: str | None) -> Iterator[_Shown]:
    where = f"{conditions.equals('level', BY_ITEM)} AND {conditions.days(first, last)}"
    trending = f"CASE WHEN {conditions.equals('explanation_type', TRENDING)} THEN entries ELSE 0 END"
    once = f"SELECT DISTINCT item_id FROM rollups WHERE {where} AND {conditions.equals('explanation_type', TRENDING)}"
    rows = rollups.query(
        f"SELECT item_id, region, trend_digest, model_version, sum(entries) AS entries, sum({trending}) AS trending "
        f"FROM rollups WHERE {where} AND item_id IN ({once}) "
        "GROUP BY item_id, region, trend_digest, model_version ORDER BY 3, 1, 2, 4"
    )
    return (_Shown(**row) for row in rows.to_pylist())


@dataclass(frozen=True)
class _Facts:
    """What snapshots say of items by name; the last snapshot's names stay at hand, for rows come in their order."""

    trends: Callable[[str], TrendSnapshot]
    thresholds: Callable[[str], Thresholds]
    rows: dict[str, dict[str, int]] = field(default_factory=dict)

    def say_trending(self, shown: _Shown) -> bool:
        """What the claim `trending` asks, of the snapshot's own numbers."""
        snapshot, bounds = self.trends(shown.trend_digest), self.thresholds(shown.model_version)
        code = self._rows_of(shown.trend_digest, snapshot).get(shown.item_id, UNKNOWN)
        _, values = snapshot.lookup(code, shown.region)
        facts: dict[str, float] = dict(zip(FACT_NAMES, values.tolist(), strict=True))
        enough = facts["trend_count"] >= bounds.trending_min_count
        grows = facts["trend_growth"] >= bounds.trending_min_growth
        return enough and grows and 1.0 <= facts["trend_rank"] <= bounds.trending_max_rank

    def _rows_of(self, digest: str, snapshot: TrendSnapshot) -> dict[str, int]:
        if digest not in self.rows:
            self.rows.clear()
            self.rows[digest] = {item_id: row for row, item_id in enumerate(snapshot.item_ids)}
        return self.rows[digest]
