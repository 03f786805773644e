"""User features: what is known of a user as of a tick, from impressions strictly before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from streamrec_explain.features.as_of import Cut, Timeline, occurrence, ratio, timeline
from streamrec_explain.features.catalogue import UNKNOWN, Catalogue
from streamrec_explain.features.observations import Observations
from streamrec_explain.features.ticks import Windows

SESSION_GAP_MS = 30 * 60_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000

Floats = npt.NDArray[np.float64]
Columns = dict[str, Floats]


@dataclass(frozen=True, eq=False)
class UserHistory:
    """The observations of a world by user, ready to be asked for feature values at any tick.

    `seen` stands in the order of `timeline`, which groups it by user; `familiarity` float64 is ln(1 + how often
    anyone had engaged with the item before) of each observation; `signup_ms` int64 [n_users], -1 where unknown.
    """

    timeline: Timeline
    seen: Observations
    familiarity: Floats
    signup_ms: npt.NDArray[np.int64]
    catalogue: Catalogue
    windows: Windows

    @classmethod
    def of(
        cls, seen: Observations, catalogue: Catalogue, signup_ms: npt.NDArray[np.int64], windows: Windows
    ) -> "UserHistory":
        """The histories of all users from the observations of a world in time order."""
        by_user, order = timeline(seen.user, seen.time_ms, len(signup_ms))
        familiarity = np.log1p(_engaged_before(seen, len(catalogue)))[order]
        return cls(by_user, seen.take(order), familiarity, signup_ms, catalogue, windows)

    def without(
        self, users: npt.NDArray[np.int32], removed: Sequence[npt.NDArray[np.int32]]
    ) -> "UserHistory":
        """A history of `users[k]` without the engaged impressions of the items `removed[k]`, as user k.

        Everybody else's events stay: what others did with an item is not part of a user's history.
        """
        offsets = self.timeline.offsets
        kept = [
            start + np.flatnonzero(~(self.seen.engaged[start:stop] & np.isin(self.seen.item[start:stop], items)))
            for start, stop, items in zip(offsets[users], offsets[users + 1], removed, strict=True)
        ]
        rows = np.concatenate([np.zeros(0, np.int64), *kept])
        bounds = np.concatenate(([0], np.cumsum([len(own) for own in kept]))).astype(np.int64)
        shorter = Timeline(bounds, self.timeline.time_ms[rows])
        return replace(
            self,
            timeline=shorter,
            seen=replace(self.seen.take(rows), user=np.repeat(np.arange(len(users), dtype=np.int32), np.diff(bounds))),
            familiarity=self.familiarity[rows],
            signup_ms=self.signup_ms[users],
        )

    def columns(self, users: npt.NDArray[np.int32], ticks: npt.NDArray[np.int64]) -> Columns:
        """The values of each user at each tick, a column float64 [n] per feature, NaN where unknown."""
        cut = self.timeline.before(users, ticks)
        recent_from = self.timeline.before(users, ticks - self.windows.long_ms)
        return (
            self._habit_columns(cut)
            | self._recent_columns(cut, recent_from)
            | self._time_columns(cut, users, ticks)
            | self._session_columns(cut)
            | self._taste_columns(cut)
        )

    def _habit_columns(self, cut: Cut) -> Columns:
        seen, total = self.seen, self.timeline.sum
        clicks, engaged = total(seen.clicked, cut), total(seen.engaged, cut)
        watched_s = seen.watch_fraction * self._duration_s
        known = seen.clicked & ~np.isnan(watched_s)
        return {
            "user_impression_count": cut.count,
            "user_engaged_count": engaged,
            "user_click_rate": ratio(clicks, cut.count),
            "user_completion_rate": ratio(engaged, clicks),
            "user_rejection_rate": ratio(total(seen.rejected, cut), cut.count),
            "user_avg_watch_time": ratio(total(np.where(known, watched_s, 0.0), cut), total(known, cut)),
        }

    def _recent_columns(self, cut: Cut, recent_from: Cut) -> Columns:
        clicked = self.seen.clicked
        clicks = self.timeline.sum(clicked, cut) - self.timeline.sum(clicked, recent_from)
        count = cut.count - recent_from.count
        return {"user_recent_impression_count": count, "user_recent_click_rate": ratio(clicks, count)}

    def _time_columns(self, cut: Cut, users: npt.NDArray[np.int32], ticks: npt.NDArray[np.int64]) -> Columns:
        time_ms, total = self.timeline.time_ms, self.timeline.sum
        day = time_ms // DAY_MS
        weekend = (day + 3) % 7 >= 5  # day 0 was a Thursday
        signup_ms = np.where(users < 0, UNKNOWN, self.signup_ms[users])
        tenure = np.where((signup_ms == UNKNOWN) | (signup_ms > ticks), np.nan, (ticks - signup_ms) / DAY_MS)
        return {
            "user_active_days": total(self.timeline.starts() | _changes(day), cut),
            "user_days_since_last_visit": (ticks - self.timeline.last(time_ms, cut)) / DAY_MS,
            "user_tenure_days": tenure,
            "user_weekend_share": ratio(total(weekend, cut), cut.count),
        }

    def _session_columns(self, cut: Cut) -> Columns:
        """Session lengths in minutes; a session ends where nothing was shown for 30 minutes."""
        minutes = np.diff(self.timeline.time_ms, prepend=0) / MINUTE_MS
        opens = self.timeline.starts() | (minutes > SESSION_GAP_MS / MINUTE_MS)
        total = self.timeline.sum
        sessions = total(opens, cut)
        return {
            "user_session_length": self.timeline.last(_minutes_open(self.timeline, opens), cut),
            "user_session_count": sessions,
            "user_avg_session_length": ratio(total(np.where(opens, 0.0, minutes), cut), sessions),
        }

    def _taste_columns(self, cut: Cut) -> Columns:
        """What the user engaged with: kinds, lengths, fame and age of the items at that moment."""
        engaged, total = self.seen.engaged, self.timeline.sum
        count = total(engaged, cut)
        place = self._place_in_category()
        timed, dated = engaged & ~np.isnan(self._duration_s), engaged & (self._publish_ms != UNKNOWN)
        new = dated & (self.timeline.time_ms - self._publish_ms <= self.windows.long_ms)
        most = self.timeline.greatest(place, cut)
        return {
            "user_taste_breadth": total(place == 1, cut),
            "user_taste_focus": ratio(np.where(count > 0, most, 0.0), count),
            "user_avg_duration": ratio(total(np.where(timed, self._duration_s, 0.0), cut), total(timed, cut)),
            "user_avg_item_popularity": ratio(total(np.where(engaged, self.familiarity, 0.0), cut), count),
            "user_new_release_share": ratio(total(new, cut), total(dated, cut)),
        }

    @cached_property
    def _duration_s(self) -> Floats:
        return self.catalogue.duration_s[self.seen.item]

    @cached_property
    def _category(self) -> npt.NDArray[np.int32]:
        return np.asarray(self.catalogue.categories[self.seen.item, 0])

    @cached_property
    def _publish_ms(self) -> npt.NDArray[np.int64]:
        return self.catalogue.publish_time_ms[self.seen.item]

    def _place_in_category(self) -> npt.NDArray[np.int64]:
        """For an engaged event its number among the user's in the same main category (from 1), else 0."""
        rows = np.flatnonzero(self.seen.engaged & (self._category != UNKNOWN))
        n_categories = int(self._category.max(initial=0)) + 1
        place = np.zeros(len(self.seen), np.int64)
        kind = self.seen.user[rows].astype(np.int64) * n_categories + self._category[rows]
        place[rows] = 1 + occurrence(kind)
        return place


def _engaged_before(seen: Observations, n_items: int) -> Floats:
    """For each observation how often its item had been engaged with strictly before, by anyone."""
    engaged = seen.take(seen.engaged)
    by_item, _ = timeline(engaged.item, engaged.time_ms, n_items)
    return by_item.before(seen.item, seen.time_ms).count


def _changes(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Where an array differs from its predecessor (the first one counts as different)."""
    return np.asarray(np.diff(values, prepend=-1) != 0)


def _minutes_open(by_user: Timeline, opens: npt.NDArray[np.bool_]) -> Floats:
    """For each event the minutes since its session opened."""
    if not len(opens):
        return np.zeros(0)
    opened_ms = by_user.time_ms[np.flatnonzero(opens)][np.cumsum(opens) - 1]
    return np.asarray((by_user.time_ms - opened_ms) / MINUTE_MS)
