"""Logged lists of the tiny release, ready to be investigated."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from streamrec_explain.audit_log.questions.lookup import FoundEntry
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.records import ListContext
from tests.explanation.conftest import tiny_bundle
from tests.explanation.ranked_lists import NOW_MS, random_list

HOUR_MS = 3_600_000


@pytest.fixture(scope="session")
def bundle() -> EngineBundle:
    """The tiny release, made once."""
    return tiny_bundle()


@pytest.fixture(scope="session")
def snapshot(bundle: EngineBundle) -> TrendSnapshot:
    """The trends of two markets, random."""
    return random_trends(bundle.catalogue)


def random_trends(catalogue: Catalogue) -> TrendSnapshot:
    """Random features in three markets; nothing trends."""
    rng = np.random.default_rng(5)
    names, markets = DEFAULT_SPEC.names_of("item"), ("ALL", "JP", "US")
    facts = np.tile([40.0, 2.0, 20.0, 0.9, 25.0], (len(markets), len(catalogue), 1))
    values = rng.normal(size=(len(markets), len(catalogue), len(names)))
    missing = DEFAULT_SPEC.missing("item")
    ids = catalogue.item_ids
    return TrendSnapshot(NOW_MS, 24 * HOUR_MS, 720 * HOUR_MS, names, markets, ids, values, facts, missing)


def logged(
    bundle: EngineBundle, context: ListContext, position: int = 0, known: Sequence[Candidate] = ()
) -> FoundEntry:
    """The entry of one item of an answered list, as the journal gives it."""
    request = audit_request(
        context,
        ExplanationEngine(bundle).explain_list(context),
        model_version="streamrec-release/3@0123abcd",
        key_id="k1",
        policy=bundle.policy,
        trend_digest="t" * 64,
        user_snapshot_digest="u" * 64,
        computation_time_ms=0.1,
        known=known,
    )
    entry = next(entry for entry in request.entries if entry.position == position)
    return FoundEntry(entry, request, "journal")


def first_said(bundle: EngineBundle, kind: str, says: Callable[[ListContext], bool] = lambda _: True) -> FoundEntry:
    """The first logged explanation of a type among random lists with a promotion."""
    for seed in range(60):
        context = random_list(bundle, seed, boosts={0: 2.0})
        for entry in logged(bundle, context).request.entries:
            if entry.explanation_type == kind and says(context):
                return logged(bundle, context, entry.position)
    raise AssertionError(f"no list says {kind}")
