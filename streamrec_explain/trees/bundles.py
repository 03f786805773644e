"""Sides bundled by their features, so that their lines are summed before they are spread over the features.

Spreading a line over the features costs more than fetching it. Sides whose features together are at most LANES
get the same lanes; their lines are added as vectors, and the sum is spread once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamrec_explain.trees.compilation import Ints, Offsets
from streamrec_explain.trees.grouping import LANES
from streamrec_explain.trees.leaf_games import offsets_of


@dataclass(frozen=True, eq=False)
class Bundles:
    """Bundle b holds the sides `order[offsets[b]:offsets[b + 1]]`, with the features `lanes[b]`."""

    order: Offsets  # [sides]
    offsets: Offsets  # [bundles + 1]
    lanes: Ints  # [bundles, LANES]; n_features where a lane is empty

    def lanes_of_sides(self) -> Ints:
        """The lanes of each side in bundle order, [sides, LANES]."""
        return np.repeat(self.lanes, np.diff(self.offsets), axis=0)


def bundle_sides(feature_sets: Sequence[Sequence[int]], n_features: int) -> Bundles:
    """Put each side, widest first, into the bundle whose features grow least; a new one where none fits.

    Within a bundle the sides keep their order.
    """
    member = np.zeros((len(feature_sets), n_features), dtype=np.bool_)
    width = np.zeros(len(feature_sets), dtype=np.int64)
    bundle_of = np.zeros(len(feature_sets), dtype=np.int64)
    n_bundles = 0
    for side in sorted(range(len(feature_sets)), key=lambda s: (-len(feature_sets[s]), s)):
        features = list(feature_sets[side])
        growth = len(features) - member[:n_bundles, features].sum(axis=1)
        growth[width[:n_bundles] + growth > LANES] = LANES + 1
        best = int(growth.argmin()) if n_bundles else 0
        if not n_bundles or growth[best] > LANES:
            best, n_bundles = n_bundles, n_bundles + 1
        member[best, features] = True
        width[best] = member[best].sum()
        bundle_of[side] = best
    lanes = np.full((n_bundles, LANES), n_features, dtype=np.int32)
    for bundle in range(n_bundles):
        lanes[bundle, : width[bundle]] = np.flatnonzero(member[bundle])
    sizes = np.bincount(bundle_of, minlength=n_bundles)
    return Bundles(np.argsort(bundle_of, kind="stable"), offsets_of(sizes), lanes)
