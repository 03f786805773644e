"""The synthetic world: a configuration and a seed become events and, apart from them, the planted truth."""

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from streamrec_explain.events.schema import IMPRESSIONS
from streamrec_explain.events.synthetic.candidates import CandidateSource
from streamrec_explain.events.synthetic.config import MARKETS, SyntheticConfig
from streamrec_explain.events.synthetic.explanations import EFFECTS, TYPES
from streamrec_explain.events.synthetic.influence import Influence
from streamrec_explain.events.synthetic.items import SPONSORS, SyntheticItems, item_ids, items_table, make_items
from streamrec_explain.events.synthetic.outcomes import PARTS
from streamrec_explain.events.synthetic.shown import Shown
from streamrec_explain.events.synthetic.simulation import Simulation
from streamrec_explain.events.synthetic.surveys import ARMS, surveys_table
from streamrec_explain.events.synthetic.trends import make_trends
from streamrec_explain.events.synthetic.truth import PlantedTruth
from streamrec_explain.events.synthetic.users import SyntheticUsers, make_users, user_ids, users_table
from streamrec_explain.events.synthetic.visits import make_visits
from streamrec_explain.events.world import World


def generate(config: SyntheticConfig) -> tuple[World, PlantedTruth]:
    """The world of `config` and what moved every choice in it; the same configuration gives the same bytes."""
    rng = np.random.default_rng([config.seed, 0])
    items = make_items(config, rng)
    users = make_users(config, rng)
    catalogue = items_table(items, rng)
    shown = _in_order(_simulation(config, items, users, rng).run())
    world = World(
        name="synthetic",
        impressions=_impressions_table(items, users, shown),
        items=catalogue,
        users=users_table(users),
        surveys=surveys_table(config, users, shown, rng),
        source=f"synthetic users={config.users} seed={config.seed} days={config.days}",
    )
    return world, _truth(items, shown)


def _simulation(
    config: SyntheticConfig, items: SyntheticItems, users: SyntheticUsers, rng: np.random.Generator
) -> Simulation:
    visits = make_visits(config, users, rng)
    trends = make_trends(config, items, rng)
    influence = Influence.of(items)
    source = CandidateSource.of(items, influence, trends)
    return Simulation(config.seed, items, users, visits, trends, influence, source)


def _in_order(shown: Shown) -> Shown:
    """Impressions by time (then user and position), causes by impression (then sequence)."""
    order = np.lexsort((shown.position, shown.user, shown.time_ms))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    row = rank[shown.cause_row]
    by_row = np.lexsort((shown.cause_sequence, row))
    names = [field.name for field in fields(Shown) if not field.name.startswith("cause_")]
    return replace(
        shown,
        **{name: getattr(shown, name)[order] for name in names},
        cause_row=row[by_row],
        cause_sequence=shown.cause_sequence[by_row],
        cause_contribution=shown.cause_contribution[by_row],
    )


def _impressions_table(items: SyntheticItems, users: SyntheticUsers, shown: Shown) -> pa.Table:
    promoted = shown.boost > 0
    sponsor = items.sponsor[shown.item]
    columns = {
        "impression_id": _numbered("i", np.arange(1, len(shown) + 1)),
        "user_id": user_ids(len(users)).take(pa.array(shown.user)),
        "item_id": item_ids(len(items)).take(pa.array(shown.item)),
        "timestamp_ms": shown.time_ms,
        "market": pa.array(MARKETS).take(pa.array(users.market[shown.user])),
        "position": shown.position,
        "shown": np.ones(len(shown), dtype=bool),
        "clicked": shown.clicked,
        "watch_fraction": pa.array(shown.watch_fraction, mask=~shown.clicked),
        "not_interested": shown.not_interested,
        "session_id": _numbered("s", shown.visit + 1),
        "promotion_sponsor": pa.array(SPONSORS).take(pa.array(sponsor, mask=~promoted)),
        "promotion_boost": pa.array(shown.boost, mask=~promoted),
        "explanation_arm": pa.array(ARMS).take(pa.array(users.treated[shown.user].astype(np.int8))),
        "explanation_type": pa.array(TYPES).take(pa.array(shown.explanation_type)),
        "explanation_propensity": shown.explanation_propensity,
    }
    return pa.Table.from_pydict(columns, schema=IMPRESSIONS)


def _numbered(prefix: str, numbers: NDArray[np.int64]) -> pa.Array:
    """The prefix and nine digits of each number, so that ids sort as numbers do."""
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 9, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _truth(items: SyntheticItems, shown: Shown) -> PlantedTruth:
    engaged_row = np.flatnonzero(shown.engaged)
    count = np.bincount(np.searchsorted(engaged_row, shown.cause_row), minlength=len(engaged_row))
    return PlantedTruth(
        part_names=PARTS,
        parts=shown.parts,
        explanation_effect=shown.explanation_effect,
        explanation_true=shown.explanation_true,
        position_without_promotion=shown.position_without_promotion,
        engaged_row=engaged_row,
        offsets=np.concatenate(([0], np.cumsum(count))),
        sequence=shown.cause_sequence,
        contribution=shown.cause_contribution,
        effects=EFFECTS,
        item_line=items.line,
        line_link=items.lines.matrix,
    )
