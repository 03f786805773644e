"""Silence: how rarely a release would say watch_history if its model knew nothing, for people it has not seen."""

from collections.abc import Sequence

import msgspec
import numpy as np

from streamrec_explain.explanation.calibration import LENGTHS
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history_pull import HistoryPull, history_pull, random_pulls
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.faithfulness.report import MeasuredRate, RandomTriggers
from streamrec_explain.records import ListContext
from streamrec_explain.statistics.clustered import ClusteredSample

PERMUTATIONS = 3


def random_triggers(
    bundle: EngineBundle, contexts: Sequence[ListContext], rng: np.random.Generator
) -> tuple[RandomTriggers, ...]:
    """At each history length, how often the margins are passed with random attention, and by the model itself."""
    random = random_pulls(bundle, contexts, LENGTHS, rng, PERMUTATIONS)
    own = {length: [history_pull([bundle], [each], length) for each in contexts] for length in LENGTHS}
    return tuple(
        RandomTriggers(
            length=length,
            random=_rate(random[length], bundle.thresholds),
            own=_rate(HistoryPull.joined(own[length]), bundle.thresholds),
        )
        for length in LENGTHS
    )


def _rate(pull: HistoryPull, thresholds: Thresholds) -> MeasuredRate:
    fired = pull.triggers(thresholds).tolist()
    rate = MeasuredRate.weighted(fired, ClusteredSample.of(np.ones(len(fired)), pull.clusters))
    return msgspec.structs.replace(rate, users=None)  # the clusters are blocks of lists here
