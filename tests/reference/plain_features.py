"""Features told in plain Python over lists of records: slow, obvious, and independent of the product's code."""

import math
from collections import Counter
from typing import Any

from streamrec_explain.events.world import World

SHORT_TICKS, LONG_TICKS = 24, 168
Record = dict[str, Any]


def shown_before(world: World, tick: int) -> list[Record]:
    """The shown impressions strictly before a tick, oldest first."""
    rows = world.impressions.to_pylist()
    return sorted((row for row in rows if row["shown"] and row["timestamp_ms"] < tick), key=lambda r: r["timestamp_ms"])


def engaged(row: Record) -> bool:
    """Shown, clicked and not known to be watched less than half."""
    watched = row["watch_fraction"] is None or row["watch_fraction"] >= 0.5
    return bool(row["shown"] and row["clicked"] and watched)


def share(part: float, whole: float) -> float:
    """part / whole, NaN for nothing out of nothing."""
    return part / whole if whole else math.nan


def user_features(world: World, user_id: str, tick: int) -> dict[str, float]:
    """The features of a user at a tick that a few lines can tell."""
    rows = [row for row in shown_before(world, tick) if row["user_id"] == user_id]
    liked = [row for row in rows if engaged(row)]
    recent = [row for row in rows if row["timestamp_ms"] >= tick - LONG_TICKS * world.refresh_ms]
    clicks = sum(row["clicked"] for row in rows)
    items = {row["item_id"]: row for row in world.items.to_pylist()}
    kinds = Counter(items[row["item_id"]]["categories"][0] for row in liked if items[row["item_id"]]["categories"])
    seconds = [
        row["watch_fraction"] * items[row["item_id"]]["duration_s"]
        for row in rows
        if row["clicked"] and row["watch_fraction"] is not None and items[row["item_id"]]["duration_s"] is not None
    ]
    lengths = [items[row["item_id"]]["duration_s"] for row in liked if items[row["item_id"]]["duration_s"] is not None]
    published = [
        row["timestamp_ms"] - items[row["item_id"]]["publish_time_ms"]
        for row in liked
        if items[row["item_id"]]["publish_time_ms"] is not None
    ]
    fame = [math.log1p(_engaged_before(world, row)) for row in liked]
    sessions = _sessions([row["timestamp_ms"] for row in rows])
    return {
        "user_impression_count": len(rows),
        "user_engaged_count": len(liked),
        "user_click_rate": share(clicks, len(rows)),
        "user_completion_rate": share(len(liked), clicks),
        "user_rejection_rate": share(sum(bool(row["not_interested"]) for row in rows), len(rows)),
        "user_recent_impression_count": len(recent),
        "user_recent_click_rate": share(sum(row["clicked"] for row in recent), len(recent)),
        "user_avg_watch_time": share(sum(seconds), len(seconds)),
        "user_active_days": len({row["timestamp_ms"] // 86_400_000 for row in rows}),
        "user_days_since_last_visit": (tick - rows[-1]["timestamp_ms"]) / 86_400_000 if rows else math.nan,
        "user_tenure_days": math.nan,
        "user_weekend_share": share(sum(_weekend(row["timestamp_ms"]) for row in rows), len(rows)),
        "user_taste_breadth": len(kinds),
        "user_taste_focus": share(max(kinds.values(), default=0), len(liked)),
        "user_avg_duration": share(sum(lengths), len(lengths)),
        "user_new_release_share": share(sum(age <= LONG_TICKS * world.refresh_ms for age in published), len(published)),
        "user_avg_item_popularity": share(sum(fame), len(liked)),
        "user_session_count": len(sessions),
        "user_session_length": (sessions[-1][-1] - sessions[-1][0]) / 60_000 if sessions else math.nan,
        "user_avg_session_length": share(sum(s[-1] - s[0] for s in sessions) / 60_000, len(sessions)),
    }


def _engaged_before(world: World, row: Record) -> int:
    earlier = shown_before(world, row["timestamp_ms"])
    return sum(engaged(other) and other["item_id"] == row["item_id"] for other in earlier)


def _weekend(time_ms: int) -> bool:
    return (time_ms // 86_400_000 + 3) % 7 >= 5


def _sessions(times: list[int]) -> list[list[int]]:
    sessions: list[list[int]] = []
    for time_ms in times:
        if sessions and time_ms - sessions[-1][-1] <= 30 * 60_000:
            sessions[-1].append(time_ms)
        else:
            sessions.append([time_ms])
    return sessions


def item_features(world: World, item_id: str, market: str, tick: int) -> dict[str, float]:
    """The features of an item in a market ("ALL": everywhere) at a tick that need events."""
    everywhere = shown_before(world, tick)
    here = [row for row in everywhere if market in ("ALL", row["market"])]
    own = [row for row in here if row["item_id"] == item_id]
    recent = [row for row in own if row["timestamp_ms"] >= tick - LONG_TICKS * world.refresh_ms]
    facts = {row["item_id"]: row for row in world.items.to_pylist()}
    kind, creator = (facts[item_id]["categories"] or [None])[0], facts[item_id]["creator"]
    same_kind = [row for row in here if kind and (facts[row["item_id"]]["categories"] or [None])[0] == kind]
    same_creator = [row for row in here if creator and facts[row["item_id"]]["creator"] == creator]
    usual, clicked_usual = _rate(here, engaged), _rate(here, _clicked)
    watched = [row["watch_fraction"] for row in own if row["clicked"] and row["watch_fraction"] is not None]
    liked, liked_here = [row for row in everywhere if engaged(row)], [row for row in here if engaged(row)]
    clicks, all_clicks = [row for row in own if row["clicked"]], [row for row in here if row["clicked"]]
    popular = [row for row in liked_here if row["timestamp_ms"] >= tick - LONG_TICKS * world.refresh_ms]
    trend = trend_facts(world, item_id, market, tick)
    return {
        "item_engagement_rate": _smooth(own, engaged, usual),
        "item_recent_engagement_rate": _smooth(recent, engaged, usual),
        "item_click_rate": _smooth(own, _clicked, clicked_usual),
        "item_completion_rate": _smooth(clicks, engaged, _rate(all_clicks, engaged)),
        "item_rejection_rate": _smooth(own, _rejected, _rate(here, _rejected)),
        "item_avg_watch_fraction": share(sum(min(fraction, 1.0) for fraction in watched), len(watched)),
        "item_engaged_count": sum(row["item_id"] == item_id for row in liked),
        "item_region_share": share(
            sum(row["item_id"] == item_id for row in liked_here), sum(row["item_id"] == item_id for row in liked)
        ),
        "item_category_engagement_rate": _smooth(same_kind, engaged, usual) if kind else math.nan,
        "item_category_recent_share": share(sum(row in popular for row in same_kind), len(popular))
        if kind
        else math.nan,
        "item_creator_engagement_rate": _smooth(same_creator, engaged, usual) if creator else math.nan,
        "item_popularity_percentile": trend_facts(world, item_id, "ALL", tick)["popularity_percentile"],
        "item_recent_engaged_count": trend["trend_count"],
        "item_trend_growth": trend["trend_growth"],
    }


def _clicked(row: Record) -> bool:
    return bool(row["clicked"])


def _rejected(row: Record) -> bool:
    return bool(row["not_interested"])


def _rate(rows: list[Record], outcome: Any) -> float:
    return share(sum(outcome(row) for row in rows), len(rows))


def _smooth(rows: list[Record], outcome: Any, usual: float) -> float:
    return (sum(outcome(row) for row in rows) + 20 * usual) / (len(rows) + 20)


def trend_facts(world: World, item_id: str, market: str, tick: int) -> dict[str, float]:
    """The trend facts of an item in a market, from the definitions in words."""
    short_ms, long_ms = SHORT_TICKS * world.refresh_ms, LONG_TICKS * world.refresh_ms
    everything = shown_before(world, tick)
    rows = [row for row in everything if engaged(row) and market in ("ALL", row["market"])]
    known = [row["item_id"] for row in world.items.to_pylist()]
    count = Counter(row["item_id"] for row in rows if row["timestamp_ms"] >= tick - short_ms)
    baseline = Counter(row["item_id"] for row in rows if tick - long_ms <= row["timestamp_ms"] < tick - short_ms)
    first_ms = min((row["timestamp_ms"] for row in everything), default=tick)
    exposure = tick - short_ms - max(tick - long_ms, first_ms)

    def growth(other: str) -> float:
        if exposure < short_ms:
            return 1.0
        return (count[other] + 5) / (baseline[other] * (short_ms / exposure) + 5)

    popularity = {other: count[other] + baseline[other] for other in known}
    return {
        "popularity_percentile": 100.0 * sum(popularity[o] < popularity[item_id] for o in known) / len(known),
        "trend_count": count[item_id],
        "trend_baseline_count": baseline[item_id],
        "trend_growth": growth(item_id),
        "trend_rank": 1 + sum(count[o] * growth(o) > count[item_id] * growth(item_id) for o in known),
    }


def cross_features(world: World, history: list[str], item_id: str) -> dict[str, float]:
    """The cross features that compare a candidate with a history of item ids, most recent last."""
    facts = {row["item_id"]: row for row in world.items.to_pylist()}
    recent = history[-50:][::-1]
    mine = facts[item_id]["categories"]
    weights = [0.5 ** (back / 10) for back in range(len(recent))]
    in_main = [bool(mine) and mine[0] in facts[event]["categories"] for event in recent]
    creator = facts[item_id]["creator"]
    by_creator = [creator is not None and facts[event]["creator"] == creator for event in recent]
    overlaps = [_overlap(set(mine), set(facts[event]["categories"])) for event in recent]
    lengths = [facts[event]["duration_s"] for event in recent if facts[event]["duration_s"] is not None]
    length = facts[item_id]["duration_s"]
    usual = share(sum(lengths), len(lengths))
    return {
        "user_category_affinity_score": _weighted(in_main, weights),
        "user_item_category_match": sum(overlaps) / len(overlaps) if overlaps else 0.0,
        "user_category_recency_score": 1 / (1 + in_main.index(True)) if any(in_main) else 0.0,
        "user_creator_affinity_score": _weighted(by_creator, weights),
        "user_item_repeat_count": recent.count(item_id),
        "user_item_duration_match": min(length, usual) / max(length, usual) if lengths and length else math.nan,
    }


def _overlap(left: set[str], right: set[str]) -> float:
    return len(left & right) / len(left | right) if left | right else 0.0


def _weighted(flags: list[bool], weights: list[float]) -> float:
    if not weights:
        return 0.0
    return sum(w for flag, w in zip(flags, weights, strict=True) if flag) / sum(weights)
