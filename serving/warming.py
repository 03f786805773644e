"""Warming: a new engine explains real lists before its first request, so that no request pays for compilation."""

from math import nan

from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.history import numbered
from streamrec_explain.explanation.ranking import candidates_in, rank_list
from streamrec_explain.features.cross import warm as warm_crosses
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.records import ListContext, Promotion

LIST_LENGTH = 20
HISTORY_LENGTHS = (0, 1, 50)


def warm(engine: ExplanationEngine, trends: TrendSnapshot) -> None:
    """Rank and explain a list of the catalogue for histories of several lengths.

    Also the last check of a release: what cannot explain its own items raises, and is not served.
    """
    bundle = engine.bundle
    warm_crosses(bundle.spec, bundle.catalogue)
    for length in HISTORY_LENGTHS:
        engine.explain_list(_list(engine, trends, length))


def _list(engine: ExplanationEngine, trends: TrendSnapshot, length: int) -> ListContext:
    bundle, region = engine.bundle, trends.markets[0]
    ids = bundle.catalogue.item_ids
    history = numbered([ids[code % len(ids)] for code in range(length)])
    missing = dict.fromkeys(bundle.spec.names_of("user"), nan)
    promotions = {ids[-1]: Promotion("warming", 0.5)}
    candidates = candidates_in(trends, bundle, ids[-LIST_LENGTH:], region, promotions)
    items = rank_list(bundle, history, missing, candidates, trends.as_of_ms)
    return ListContext("warming", "", region, "en", trends.as_of_ms, history, missing, items)
