"""A sample investigated: counted as it is, with what could not be investigated."""

from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.audit_log.questions.sample import draw
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.investigation.claim_checks import ClaimCheck, Condition
from streamrec_explain.investigation.sample import investigate_sample, summary_of
from streamrec_explain.statistics.intervals import Rate
from tests.investigation.desks import Desk
from tests.serving.deployments import NOW_MS, Deployment


@pytest.fixture
def desk(built: Deployment, tmp_path: Path) -> Desk:
    """A deployment of the test's own."""
    return Desk(built.copied(tmp_path / "home"))


def test_what_cannot_be_investigated_is_told(desk: Desk) -> None:
    """One list is whole, another names a release that is gone: nothing is left out silently."""
    request = desk.answer(desk.context(1, size=4))
    lost = msgspec.structs.replace(request, request_id="lost", model_version="streamrec-release/9@00000000")
    with Journal(desk.deployment.home.journal / "worker-1.sqlite", clock=lambda: NOW_MS) as journal:
        journal.append(lost, b"")
    sample = draw(desk.log, 8, 0, EntryFilter())
    found = investigate_sample(desk.log, sample, desk.source, TrendArchive(desk.deployment.home.trends))
    assert (4, {f"lost.{position}" for position in range(4)}) == (found.investigated, set(found.refused))
    assert all("version 9" in why for why in found.refused.values())
    assert (4, 4) == (found.place.n, found.sentence.n)
    assert sum(found.smallest.values()) == found.place.successes


def test_a_false_claim_and_a_large_residual_count(desk: Desk) -> None:
    """A summary hides neither."""
    desk.answer(desk.context(1, size=4))
    good = desk.investigate("r1.0")
    assert good.features is not None
    wrong = ClaimCheck("watch_history", True, (Condition("largest_drops", False),))
    off = msgspec.structs.replace(good.features, residual=-0.25)
    bad = msgspec.structs.replace(good, claims=(wrong,), features=off, counterfactuals=None)
    found = summary_of([bad, msgspec.structs.replace(good, claims=())], {})
    assert (Rate(0, 1), 0.25, 1) == (found.claims, found.shap_residual, found.place.n)


def test_nothing_to_summarise() -> None:
    """No rate is made up of nothing."""
    found = summary_of([], {})
    assert (0, Rate(0, 0), 0.0, {}) == (found.investigated, found.claims, found.shap_residual, found.smallest)
