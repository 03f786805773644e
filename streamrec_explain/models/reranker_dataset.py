"""The re-ranker's rows: impressions the session model never saw, with their features, labels and phases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import codes
from streamrec_explain.events.splits import RERANKER_PHASE, SESSION_PHASE, TEST_PHASE
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.point_in_time import PointInTime
from streamrec_explain.features.sampled_candidates import sampled_candidates
from streamrec_explain.features.spec import FeatureSpec
from streamrec_explain.features.training_table import training_values
from streamrec_explain.models.session_protocol import SessionScorer

NEGATIVES_PER_POSITIVE = 10


@dataclass(frozen=True)
class RerankerDataset:
    """Rows in the order of time, n of them.

    `features` float64 [n, F] in spec order; `labels` bool [n], clicked; `users` int32 [n] codes; `phases` int8
    [n], 1 or 2; `facts` float64 [n, 5], the trend facts of the item in its market; `rows` int64 [n], impression rows.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.bool_]
    users: NDArray[np.int32]
    phases: NDArray[np.int8]
    facts: NDArray[np.float64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: NDArray[np.bool_]) -> "RerankerDataset":
        """The chosen rows."""
        return RerankerDataset(**{name: values[chosen] for name, values in vars(self).items()})

    def at_one_moment(self, spec: FeatureSpec) -> NDArray[np.float64]:
        """The features [n, F] with those of the user as they were at each user's first row, as in one list.

        A user's click rate rises with a click and so stands higher beside whatever follows it: in the order of one
        user's rows over time, what is known of the user speaks against itself. Within a list it is the same for all.
        """
        _, first, row_of_user = np.unique(self.users, return_index=True, return_inverse=True)
        own = [spec.index(name) for name in spec.names_of("user")]
        features = self.features.copy()
        features[:, own] = self.features[first[row_of_user]][:, own]
        return features

    @property
    def test(self) -> "RerankerDataset":
        """The rows nothing is trained on."""
        return self.where(self.phases == TEST_PHASE)

    @property
    def training(self) -> "RerankerDataset":
        """The rows the re-ranker is trained on: all but the latest tenth of its phase."""
        return self.where((self.phases == RERANKER_PHASE) & ~self._stopping)

    @property
    def validation(self) -> "RerankerDataset":
        """The latest tenth of the re-ranker's phase, for early stopping."""
        return self.where(self._stopping)

    @property
    def _stopping(self) -> NDArray[np.bool_]:
        own = np.flatnonzero(self.phases == RERANKER_PHASE)
        stopping = np.zeros(len(self), dtype=bool)
        stopping[own[len(own) - len(own) // 10 :]] = True
        return stopping


def reranker_dataset(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    session_model: SessionScorer,
    phases: NDArray[np.int8],
    seed: int,
) -> RerankerDataset:
    """Every shown impression of phases 1 and 2, or its positives with sampled negatives where none are known.

    `phases` int8 is the phase of each impression row (`events.splits`). Features are point in time.
    """
    rows, items, labels = _candidates(world, np.flatnonzero(phases != SESSION_PHASE), seed)
    users = codes(world.impressions["user_id"], world.users["user_id"])[rows]
    scores = session_scores(world, spec, catalogue, session_model, rows, users, items)
    features, facts = training_values(world, spec, catalogue, rows, scores, items)
    return RerankerDataset(features, labels, users, phases[rows], facts, rows)


def session_scores(
    world: World,
    spec: FeatureSpec,
    catalogue: Catalogue,
    session_model: SessionScorer,
    rows: NDArray[np.int64],
    users: NDArray[np.int32],
    items: NDArray[np.int32],
) -> NDArray[np.float64]:
    """What the session model says of each (impression row, item) given the history strictly before it."""
    past = PointInTime(world, spec, catalogue)
    cut = past.histories(users, world.impressions["timestamp_ms"].to_numpy()[rows])
    events = past.interactions
    ranges = np.stack([cut.start, cut.stop], axis=1)
    return session_model.scores_after(events.item, events.sequence, ranges, items)


def _candidates(
    world: World, rows: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]]:
    if world.negatives == "sampled":
        return sampled_candidates(world, rows, NEGATIVES_PER_POSITIVE, np.random.default_rng(seed))
    shown = rows[world.impressions["shown"].to_numpy()[rows]]
    items = codes(world.impressions["item_id"], world.items["item_id"])[shown]
    return shown, items, world.impressions["clicked"].to_numpy()[shown]
