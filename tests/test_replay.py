"""Replay: the same bytes from the log in either form, and the fields by name where they are not."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.audit_log.table.encoding import as_stored
from streamrec_explain.errors import ReplayMismatchError, SnapshotNotFoundError
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine, explanation_bytes
from streamrec_explain.explanation.history_pull import random_attention
from streamrec_explain.records import AuditRequest
from streamrec_explain.replay import replay
from tests.explanation.conftest import tiny_bundle
from tests.explanation.ranked_lists import random_list

LOCALES = ("en", "de", "ja")


@pytest.fixture(scope="module")
def bundle() -> EngineBundle:
    """The tiny release."""
    return tiny_bundle()


def logged(bundle: EngineBundle, seed: int = 1) -> AuditRequest:
    """What the log keeps of an answered list with a promotion."""
    context = random_list(bundle, seed, boosts={0: 2.0}, locale=LOCALES[seed % 3])
    result = ExplanationEngine(bundle).explain_list(context)
    return audit_request(
        context,
        result,
        model_version="streamrec-release/3@0123abcd",
        key_id="k1",
        policy=bundle.policy,
        trend_digest="t" * 64,
        user_snapshot_digest="u" * 64,
        computation_time_ms=0.1,
    )


def position_of(request: AuditRequest, kind: str) -> int:
    """The position of the first explanation of a type."""
    return next(entry.position for entry in request.entries if entry.explanation_type == kind)


@pytest.mark.parametrize("policy", ["honest", "case_study"])
@pytest.mark.parametrize("seed", range(6))
def test_every_sentence_replays_to_the_same_bytes(bundle: EngineBundle, seed: int, policy: str) -> None:
    """As the journal gives it and as the table keeps it, with the sentence that was said."""
    speaking = replace(bundle, policy=policy)
    journal = logged(speaking, seed)
    context = random_list(speaking, seed, boosts={0: 2.0}, locale=LOCALES[seed % 3])
    said = ExplanationEngine(speaking).explain_list(context).explanations
    for position, expected in enumerate(said):
        found = [replay(form, position, speaking) for form in (journal, as_stored(journal))]
        assert [(True, ())] * 2 == [(each.identical, each.differences) for each in found]
        assert 1 == len({digest for each in found for digest in (each.logged_sha256, each.replayed_sha256)})
        assert {explanation_bytes(expected)} == {explanation_bytes(each.explanation) for each in found}
        found[0].raise_unless_identical()


def test_an_entry_read_from_a_real_table_replays(bundle: EngineBundle, tmp_path: Path) -> None:
    """Written to Delta and read again."""
    table = AuditTable(str(tmp_path / "hot"))
    table.append([logged(bundle, seed) for seed in (1, 2)])
    stored = table.find_request("r2")
    assert stored is not None
    for entry in stored.entries:
        assert replay(stored, entry.position, bundle).identical


def test_a_reference_needs_its_snapshot(bundle: EngineBundle) -> None:
    """An entry whose items were resolved from a snapshot says which one, where none is given."""
    request = logged(bundle)
    entries = tuple(msgspec.structs.replace(entry, inputs=b"") for entry in request.entries)
    with pytest.raises(SnapshotNotFoundError, match="t" * 64):
        replay(msgspec.structs.replace(request, entries=entries), 0, bundle)


def test_positions_need_not_be_places(bundle: EngineBundle) -> None:
    """The position asked for is found wherever it stands in the list."""
    context = random_list(bundle, 4, size=3)
    moved = [msgspec.structs.replace(item, position=10 * item.position + 7) for item in context.items]
    context = msgspec.structs.replace(context, items=tuple(moved))
    result = ExplanationEngine(bundle).explain_list(context)
    request = audit_request(
        context, result, model_version="v", key_id="k", policy="honest", trend_digest="", user_snapshot_digest="",
        computation_time_ms=0.0,
    )  # fmt: skip
    found = replay(request, 17, bundle)
    assert ("r4.17", True) == (found.explanation_id, found.identical)
    assert context.items[1].item_id == found.explanation.item_id


def test_another_threshold_is_told_by_what_it_changed(bundle: EngineBundle) -> None:
    """The claim's margin is not the logged one, and so are type, template and text once it is out of reach."""
    request = logged(bundle)
    position = position_of(request, "watch_history")
    raised = msgspec.structs.replace(bundle.thresholds, history_margin=50.0, history_single_margin=50.0)
    found = replay(request, position, replace(bundle, thresholds=raised))
    assert ("explanation_type", "explanation_text_hash", "template", "claims") == found.differences
    assert found.logged_sha256 != found.replayed_sha256
    assert "watch_history" != found.explanation.explanation_type


def test_a_swapped_model_is_told_by_what_it_changed(bundle: EngineBundle) -> None:
    """Another session model attends to other items, and the score it explains is not the logged one."""
    model = random_attention(bundle.session_model, np.random.default_rng(1))
    found = replay(logged(bundle), 1, replace(bundle, session_model=model))
    assert {"attention_top_2", "flags"} <= set(found.differences)
    assert ("score_mismatch",) == found.explanation.flags


def test_a_changed_entry_is_told_by_its_field(bundle: EngineBundle) -> None:
    """A text hash that somebody edited in the log."""
    request = logged(bundle)
    edited = msgspec.structs.replace(request.entries[2], explanation_text_hash="0" * 16)
    entries = (*request.entries[:2], edited, *request.entries[3:])
    tampered = msgspec.structs.replace(request, entries=entries)
    assert ("explanation_text_hash",) == replay(tampered, 2, bundle).differences
    assert replay(tampered, 1, bundle).identical


def test_a_mismatch_is_an_error_that_names_entry_fields_and_release(bundle: EngineBundle) -> None:
    """What differs, of which explanation, under which release."""
    request = logged(bundle)
    edited = msgspec.structs.replace(request.entries[0], explanation_text_hash="0" * 16, flags=("late",))
    tampered = msgspec.structs.replace(request, entries=(edited, *request.entries[1:]))
    found = replay(tampered, 0, bundle)
    assert not found.identical
    expected = "r1.0: explanation_text_hash, flags differ from the log under streamrec-release/3@0123abcd"
    with pytest.raises(ReplayMismatchError, match=f"^{expected}$"):
        found.raise_unless_identical()
