"""The faithfulness audit: explain sampled lists with a release and test every sentence against its model."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import resolve_history
from streamrec_explain.faithfulness.judging import Judge, Said
from streamrec_explain.faithfulness.report import FaithfulnessReport
from streamrec_explain.faithfulness.sampling import CANDIDATES, LIST_SIZE, Moment, sample_lists
from streamrec_explain.faithfulness.silence import random_triggers
from streamrec_explain.faithfulness.strata import Stratum, draw, length_band
from streamrec_explain.faithfulness.summary import summarize
from streamrec_explain.records import ListContext

PER_LIST = 4
SILENCE_LISTS = 200

Progress = Callable[[Iterable[ListContext]], Iterable[ListContext]]


def audit(
    bundle: EngineBundle,
    moment: Moment,
    users: NDArray[np.int64],
    n_explanations: int,
    seed: int,
    progress: Progress = iter,
) -> FaithfulnessReport:
    """Judge `n_explanations` of lists of the given user codes, one list for each user.

    The frame is every explanation of so many lists that four of each would do; where users are few, of all their
    lists, which are then as long as it takes, up to the whole ranking. Within it the sample is stratified by
    type, market and history length, and weighted so that overall rates are those of the frame.
    """
    n_lists = min(len(users), ceil(n_explanations / PER_LIST))
    size = min(CANDIDATES, max(LIST_SIZE, ceil(n_explanations / max(n_lists, 1))))
    lists = progress(sample_lists(bundle, moment, users[:n_lists], seed, size=size))
    rng = np.random.default_rng(seed)
    frame = list(_explained(bundle, users[:n_lists].tolist(), lists))
    sample = draw([said.stratum for said in frame], n_explanations, rng)
    chosen = [frame[row] for row in sample.rows.tolist()]
    judged = Judge(bundle, moment, rng).judge(chosen, sample.weights.tolist())
    random = random_triggers(bundle, _shown(frame)[:SILENCE_LISTS], rng)
    return summarize(n_lists, Counter(said.stratum for said in frame), judged, random)


def _shown(frame: Sequence[Said]) -> list[ListContext]:
    """The lists of a frame as the service shows them, one of each user."""
    contexts = {said.user: said.context for said in frame}
    return [msgspec.structs.replace(each, items=each.items[:LIST_SIZE]) for each in contexts.values()]


def _explained(bundle: EngineBundle, users: Sequence[int], lists: Iterable[ListContext]) -> Iterator[Said]:
    engine = ExplanationEngine(bundle)
    for user, context in zip(users, lists, strict=True):
        history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
        band = length_band(len(history.codes))
        for place, explanation in enumerate(engine.explain_list(context).explanations):
            stratum = Stratum(explanation.explanation_type, context.region, band)
            yield Said(user, context, place, explanation, stratum)
