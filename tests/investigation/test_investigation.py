"""Investigations of a real deployment: every tier, past releases, and what cannot be investigated, by name."""

import shutil
from pathlib import Path

import msgspec
import pytest

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.maintenance.archive import apply_archive, plan_archive
from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.errors import (
    CorruptReleaseError,
    EntryNotFoundError,
    ReleaseNotFoundError,
    ReplayMismatchError,
    SnapshotNotFoundError,
)
from streamrec_explain.investigation.investigation import Investigation, regulatory
from streamrec_explain.investigation.report import report_page
from streamrec_explain.release.registration import CHAMPION
from tests.investigation.desks import Desk
from tests.serving.deployments import NOW_MS, Deployment

DAY_MS = 86_400_000


@pytest.fixture
def desk(built: Deployment, tmp_path: Path) -> Desk:
    """A deployment of the test's own."""
    return Desk(built.copied(tmp_path / "home"))


def facts_of(found: Investigation) -> Investigation:
    """An investigation without the tier it was found in."""
    return msgspec.structs.replace(found, trace=msgspec.structs.replace(found.trace, found_in=""))


def test_the_same_from_every_tier_and_after_the_champion_has_moved_on(desk: Desk) -> None:
    """Journal, hot and cold; the release that spoke is investigated, not the one that serves now."""
    desk.answer(desk.context(1, boosts={0: 2.0}))
    home, log = desk.deployment.home, desk.log
    waiting = desk.investigate("r1.2")
    ship_folder(home.journal, log.hot, clock=lambda: NOW_MS)
    next(home.journal.glob("*.sqlite")).unlink()
    hot = desk.investigate("r1.2")
    plan = plan_archive(log.hot, log.cold, policy=RetentionPolicy(), now_ms=NOW_MS + 100 * DAY_MS)
    assert apply_archive(plan, log.hot, log.cold) > 0
    desk.deployment.registry.set_alias(CHAMPION, 2)
    cold = desk.investigate("r1.2")
    assert ["journal", "hot", "cold"] == [each.trace.found_in for each in (waiting, hot, cold)]
    assert str(desk.release(1)) == cold.trace.release.model_version if cold.trace.release else None
    stored = facts_of(hot)
    assert (stored, stored.counterfactuals) == (facts_of(cold), facts_of(waiting).counterfactuals)
    assert (waiting.features, waiting.history, waiting.claims) == (stored.features, stored.history, stored.claims)


def test_it_is_complete_and_survives_json(desk: Desk) -> None:
    """Every part is there, the value decodes to itself, and the residuals are those of exact methods."""
    desk.answer(desk.context(2, boosts={0: 2.0}))
    found = desk.investigate("r2.1")
    assert found == msgspec.json.decode(found.to_json(), type=Investigation)
    assert found.features is not None and found.history is not None and found.counterfactuals is not None
    assert (49, 0.0) == (len(found.features.reasons), found.score_difference)
    assert abs(found.features.residual) < 1e-12
    assert found.trace.shap_top_3[0] == (found.features.ranked[0].name, found.features.ranked[0].shap)
    assert () == found.counterfactuals.left_out


def test_the_regulatory_profile_knows_no_attention(desk: Desk) -> None:
    """Neither in its JSON nor on its page; the full profile has both."""
    desk.answer(desk.context(2))
    full = desk.investigate("r2.1")
    told = regulatory(full)
    decoded = msgspec.json.decode(told.to_json())
    assert [] == decoded["trace"]["attention_top_2"]
    assert {None} == {event[name] for event in decoded["history"]["events"] for name in ("attention", "contribution")}
    assert None not in {event["gradient"] for event in decoded["history"]["events"]}
    assert any(event.attention for event in full.history.events) if full.history else False
    assert "attention</th>" in report_page(full, "en")
    assert "attention</th>" not in report_page(told, "en")


def test_broken_links_do_not_stop_it(desk: Desk) -> None:
    """The tiny release pins a model and a run that the registry does not have: told, not hidden."""
    desk.answer(desk.context(2))
    unresolved = desk.investigate("r2.0").trace.unresolved
    assert ["component streamrec-reranker/1", "run r1 of reranker"] == [link.split(":")[0] for link in unresolved]


@pytest.mark.parametrize("unknown", ["r2.99", "r9.0", "nonsense", ""])
def test_an_unknown_id_is_an_error(desk: Desk, unknown: str) -> None:
    """There is nothing to investigate."""
    desk.answer(desk.context(2))
    with pytest.raises(EntryNotFoundError):
        desk.investigate(unknown)


def test_a_release_that_is_gone_is_an_error(desk: Desk) -> None:
    """The entry names a version that the registry never had."""
    request = desk.answer(desk.context(2))
    other = msgspec.structs.replace(request, request_id="lost", model_version="streamrec-release/9@00000000")
    with Journal(desk.deployment.home.journal / "worker-1.sqlite", clock=lambda: NOW_MS) as journal:
        journal.append(other, b"")
    with pytest.raises(ReleaseNotFoundError, match="version 9"):
        desk.investigate("lost.0")


def test_one_changed_byte_of_a_model_is_refused_by_its_file(desk: Desk, built: Deployment) -> None:
    """In the cache it is fetched again; where the registry's own copy is changed, the file is named."""
    desk.answer(desk.context(2))
    desk.investigate("r2.0")
    cached = desk.deployment.home.releases / f"1@{desk.release(1).short_digest}" / "session_model.npz"
    flip(cached)
    assert desk.investigate("r2.0").features is not None
    registered = next(
        path.parent
        for path in built.home.artifacts.rglob("release.json")
        if (path.parent / "thresholds.json").read_bytes() == (cached.parent / "thresholds.json").read_bytes()
    )
    kept = (registered / "session_model.npz").read_bytes()
    shutil.rmtree(cached.parent)
    flip(registered / "session_model.npz")
    try:
        with pytest.raises(CorruptReleaseError, match=r"session_model\.npz was changed") as caught:
            desk.investigate("r2.0")
    finally:
        (registered / "session_model.npz").write_bytes(kept)
    assert "session_model.npz" == caught.value.file


def flip(file: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def test_another_release_under_the_entry_is_refused(desk: Desk) -> None:
    """An entry that names a release which would have said something else is not explained by it."""
    context = desk.context(2)
    request = desk.answer(context)
    edited = [msgspec.structs.replace(entry, explanation_text_hash="0" * 16) for entry in request.entries]
    other = msgspec.structs.replace(request, request_id="odd", entries=tuple(edited))
    with Journal(desk.deployment.home.journal / "worker-1.sqlite", clock=lambda: NOW_MS) as journal:
        journal.append(other, b"")
    with pytest.raises(ReplayMismatchError, match="explanation_text_hash"):
        desk.investigate("odd.0")


def test_a_lost_trend_snapshot_is_named(desk: Desk) -> None:
    """Entries refer to it; the error says which one is to be restored."""
    request = desk.answer(desk.context(2))
    for path in desk.deployment.home.trends.glob("*.arrow"):
        path.unlink()
    with pytest.raises(SnapshotNotFoundError, match=request.trend_digest):
        desk.investigate("r2.0")


def test_an_empty_history(desk: Desk) -> None:
    """SHAP and counterfactuals are there, no event is, and the note says so."""
    desk.answer(desk.context(2, length=0))
    found = desk.investigate("r2.0")
    assert found.history is not None and found.counterfactuals is not None
    assert ((), ()) == (found.history.events, found.history.items)
    assert "there is no history to name" in found.notes[0]
    assert "played no part" in report_page(found, "en")


def test_an_unknown_item(desk: Desk) -> None:
    """No model scored it: a clear result without attributions."""
    context = desk.context(2)
    strange = msgspec.structs.replace(context.items[3], item_id="v-unknown", item_features={}, item_facts={})
    desk.answer(msgspec.structs.replace(context, items=(*context.items[:3], strange, *context.items[4:])))
    found = desk.investigate("r2.3")
    assert (None, None, None, None) == (found.features, found.history, found.counterfactuals, found.score_difference)
    assert "v-unknown: no model scored it" in found.notes[0]
    page = report_page(regulatory(found), "en")
    assert "No model knew this title" in page and "v-unknown" in page
    assert "because no model scored this title" in page
    assert "viewing history did" not in page


def test_a_score_of_another_model(desk: Desk) -> None:
    """The computed score is attributed, the difference is told, no counterfactual is made up."""
    context = desk.context(2)
    higher = msgspec.structs.replace(context.items[0], reranking_score=context.items[0].reranking_score + 0.5)
    desk.answer(msgspec.structs.replace(context, items=(higher, *context.items[1:])))
    found = desk.investigate("r2.0")
    assert ("score_mismatch",) == found.trace.flags
    assert -0.5 == pytest.approx(found.score_difference)
    assert found.features is not None and found.features.raw_score == context.items[0].reranking_score
    assert any("differs by -0.5" in note for note in found.notes)
    assert "differs by −0.50" in report_page(found, "en")
