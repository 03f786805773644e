"""Observations: the shown impressions of a world as arrays of codes and outcomes, in time order."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.interactions import codes, engaged
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue

ALL_MARKETS = "ALL"


@dataclass(frozen=True, eq=False)
class Observations:
    """What was shown to whom, when, and what came of it; every array has one entry per shown impression.

    `user` int32 is the row in `world.users`, `item` int32 the row in `world.items`, `market` int32 the index
    in `market_names`. `watch_fraction` float64 is NaN where unknown.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    market: npt.NDArray[np.int32]
    time_ms: npt.NDArray[np.int64]
    clicked: npt.NDArray[np.bool_]
    engaged: npt.NDArray[np.bool_]
    rejected: npt.NDArray[np.bool_]
    watch_fraction: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """The number of shown impressions."""
        return len(self.time_ms)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Observations":
        """The observations of these rows, in their order."""
        return Observations(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def with_market(self, market: int) -> "Observations":
        """The same observations, all in one market."""
        return replace(self, market=np.full(len(self), market, np.int32))

    def and_then(self, other: "Observations") -> "Observations":
        """These observations followed by others."""
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        return Observations(**{name: np.concatenate(pair) for name, pair in pairs.items()})


def market_names(world: World) -> tuple[str, ...]:
    """The markets of a world's impressions, sorted, then "ALL" for all of them together."""
    seen = set(pc.unique(world.impressions["market"]).to_pylist())
    return (*sorted(seen - {ALL_MARKETS}), ALL_MARKETS)


def observations(world: World, catalogue: Catalogue) -> Observations:
    """The shown impressions of a world sorted by time; FeatureError if the catalogue has other items."""
    if catalogue.item_ids != tuple(world.items["item_id"].to_pylist()):
        raise FeatureError(f"the catalogue's items are not those of world {world.name!r}; build it from them")
    impressions = world.impressions
    everything = Observations(
        user=codes(impressions["user_id"], world.users["user_id"]),
        item=codes(impressions["item_id"], world.items["item_id"]),
        market=market_codes(world, market_names(world)),
        time_ms=impressions["timestamp_ms"].to_numpy(),
        clicked=impressions["clicked"].to_numpy(),
        engaged=engaged(impressions),
        rejected=pc.fill_null(impressions["not_interested"], False).to_numpy(),
        watch_fraction=pc.fill_null(impressions["watch_fraction"], np.nan).to_numpy().astype(np.float64),
    )
    rows = np.flatnonzero(impressions["shown"].to_numpy())
    return everything.take(rows[np.argsort(everything.time_ms[rows], kind="stable")])


def market_codes(world: World, names: tuple[str, ...]) -> npt.NDArray[np.int32]:
    """The index in `names` of each impression's market, int32 [n_impressions]."""
    lookup = {name: index for index, name in enumerate(names)}
    encoded = pc.dictionary_encode(world.impressions["market"].combine_chunks())
    to_index = np.array([lookup[name] for name in encoded.dictionary.to_pylist()], np.int32)
    return np.asarray(to_index[encoded.indices.to_numpy()])
