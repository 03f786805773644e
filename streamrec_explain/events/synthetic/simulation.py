"""The simulation: blocks of users are shown their lists round by round, vectorised over users."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import ENGAGED_WATCH_FRACTION
from streamrec_explain.events.synthetic.candidates import CandidateSource, Visit
from streamrec_explain.events.synthetic.explanations import explain
from streamrec_explain.events.synthetic.histories import Histories
from streamrec_explain.events.synthetic.influence import Influence
from streamrec_explain.events.synthetic.items import SyntheticItems
from streamrec_explain.events.synthetic.outcomes import (
    COMPETITION_WEIGHT,
    POSITION_WEIGHT,
    PROMOTION_WEIGHT,
    respond,
)
from streamrec_explain.events.synthetic.ranking import MAX_LIST, Pool, Ranking, is_first, rank
from streamrec_explain.events.synthetic.shown import Shown, concatenate
from streamrec_explain.events.synthetic.trends import Trends
from streamrec_explain.events.synthetic.users import SyntheticUsers
from streamrec_explain.events.synthetic.visits import Visits

BLOCK_USERS: Final = 4_096
SECONDS_PER_ITEM: Final = 20


@dataclass(frozen=True)
class Simulation:
    """Everything that is fixed before the first list is shown."""

    seed: int
    items: SyntheticItems
    users: SyntheticUsers
    visits: Visits
    trends: Trends
    influence: Influence
    source: CandidateSource

    def run(self) -> Shown:
        """All impressions, block by block; blocks do not depend on each other."""
        starts = range(0, len(self.users), BLOCK_USERS)
        return concatenate([self._block(number, start) for number, start in enumerate(starts)])

    def _block(self, number: int, start: int) -> Shown:
        rng = np.random.default_rng([self.seed, 1, number])
        users = np.arange(start, min(start + BLOCK_USERS, len(self.users)))
        n_lists = self.users.n_lists[users]
        histories = Histories(len(users), len(self.items), int(n_lists.max()) * MAX_LIST)
        rounds = range(int(n_lists.max()))
        return concatenate([self._round(users[n_lists > turn], start, turn, histories, rng) for turn in rounds])

    def _round(
        self, users: NDArray[np.int64], start: int, turn: int, histories: Histories, rng: np.random.Generator
    ) -> Shown:
        """Show each of the users one list and add what was engaged with to the histories."""
        number = self.visits.offsets[users] + turn
        window = histories.window(users - start)
        visit = Visit(
            user=users,
            number=number,
            market=self.users.market[users],
            time_ms=self.visits.time_ms[number],
            taste=self.users.taste[users],
            window=window,
            on_lines=self.influence.on_lines(window),
            row=users - start,
            histories=histories,
        )
        pool = self._pool(visit, rng)
        shown = self._show(visit, pool, rank(pool, rng), rng)
        histories.append(shown.user[shown.engaged] - start, shown.item[shown.engaged])
        return shown

    def _pool(self, visit: Visit, rng: np.random.Generator) -> Pool:
        drawn = self.source.pool(visit, rng)
        item = np.maximum(drawn, 0)
        market, time_ms = visit.market[:, None], visit.time_ms[:, None]
        fresh = is_first(drawn) & ~visit.has_seen(item)
        boost = np.zeros(item.shape, dtype=np.float32)
        boost[:, -1] = self.items.boost[item[:, -1]]  # only the sponsored candidate is paid for
        return Pool(
            item=item,
            available=(drawn >= 0) & fresh & (self.items.publish_ms[item] <= time_ms),
            quality=self.items.quality[market, item],
            taste=np.take_along_axis(visit.taste, self.items.category[item], axis=1),
            history=self.influence.on_items(visit.window, visit.on_lines, item),
            trend=self.trends.at(market, time_ms, item),
            boost=boost,
        )

    def _show(self, visit: Visit, pool: Pool, ranking: Ranking, rng: np.random.Generator) -> Shown:
        """The impressions of the ranked lists and what the users did, list by list from the top."""
        row, position = np.nonzero(ranking.shown)
        candidate = ranking.order[row, position]
        boost, item = pool.boost[row, candidate], pool.item[row, candidate]
        match = [array[row, candidate] for array in (pool.quality, pool.taste, pool.history, pool.trend)]
        competition = COMPETITION_WEIGHT * _mean_of_row(row, np.sum(match, axis=0))
        context = (PROMOTION_WEIGHT * boost, POSITION_WEIGHT * np.log1p(position), competition)
        parts = np.column_stack((*match, *context)).astype(np.float32)
        explained = explain(parts, rng)
        outcome = respond(parts, explained, self.users.treated[visit.user[row]], rng)
        pause_ms = rng.integers(0, 15_000, len(row))
        engaged = outcome.clicked & (outcome.watch_fraction >= ENGAGED_WATCH_FRACTION)
        cause = self.influence.contributions(visit.window[row[engaged]], item[engaged])
        cause_row, column = np.nonzero(cause)
        latest = visit.histories.count[visit.row[row[engaged]]]
        return Shown(
            user=visit.user[row],
            item=item,
            time_ms=visit.time_ms[row] + position * 1_000 * SECONDS_PER_ITEM + pause_ms,
            visit=visit.number[row],
            position=position.astype(np.int16),
            boost=boost,
            clicked=outcome.clicked,
            watch_fraction=outcome.watch_fraction,
            not_interested=outcome.not_interested,
            explanation_type=explained.type,
            explanation_propensity=explained.propensity,
            explanation_true=explained.true,
            explanation_effect=outcome.explanation_effect,
            position_without_promotion=ranking.rank_without_boost[row, position],
            parts=parts,
            cause_row=np.flatnonzero(engaged)[cause_row],
            cause_sequence=(latest[cause_row] - column).astype(np.int32),
            cause_contribution=cause[cause_row, column],
        )


def _mean_of_row(row: NDArray[np.int64], value: NDArray[np.float32]) -> NDArray[np.float64]:
    """The mean of the values that share a row, for each of them."""
    mean: NDArray[np.float64] = np.bincount(row, value) / np.maximum(np.bincount(row), 1)
    return np.take(mean, row)
