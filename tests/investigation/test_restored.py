"""Restored decisions: the same bytes or nothing, and the item as the release scores it."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from streamrec_explain.errors import ReplayMismatchError, SnapshotNotFoundError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history_pull import random_attention
from streamrec_explain.explanation.ranking import candidates_in
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.investigation.restored import restore
from tests.explanation.ranked_lists import random_list
from tests.investigation.conftest import logged


def test_the_item_is_scored_as_it_was_logged(bundle: EngineBundle) -> None:
    """Scored alone it has the very scores the list was ranked with, whatever its place."""
    context = random_list(bundle, 3)
    for position in range(10):
        restored = restore(logged(bundle, context, position), bundle)
        assert restored.scored is not None
        expected = context.items[position]
        assert (expected, expected.reranking_score, expected.ranking_score) == (
            restored.item,
            restored.scored.raw_scores[0],
            restored.scored.session_scores[0],
        )


def test_another_model_is_refused_by_what_it_changed(bundle: EngineBundle) -> None:
    """The session model of another release: the error names entry, fields and release."""
    model = random_attention(bundle.session_model, np.random.default_rng(1))
    found = logged(bundle, random_list(bundle, 1), 2)
    with pytest.raises(ReplayMismatchError, match=r"^r1\.2: .*attention_top_2.*streamrec-release/3@0123abcd"):
        restore(found, replace(bundle, session_model=model))


def test_an_edited_entry_is_refused(bundle: EngineBundle) -> None:
    """What somebody changed in the log is not explained away."""
    found = logged(bundle, random_list(bundle, 1))
    entry = msgspec.structs.replace(found.entry, explanation_text_hash="0" * 16)
    request = msgspec.structs.replace(found.request, entries=(entry, *found.request.entries[1:]))
    with pytest.raises(ReplayMismatchError, match="explanation_text_hash"):
        restore(msgspec.structs.replace(found, entry=entry, request=request), bundle)


def test_an_unknown_item_was_scored_by_nobody(bundle: EngineBundle) -> None:
    """It restores all the same: the log has an explanation of it."""
    context = random_list(bundle, 1)
    strange = msgspec.structs.replace(context.items[4], item_id="v-unknown")
    context = msgspec.structs.replace(context, items=(*context.items[:4], strange, *context.items[5:]))
    restored = restore(logged(bundle, context, 4), bundle)
    assert (None, "v-unknown") == (restored.scored, restored.item.item_id)
    assert ("unknown_item",) == restored.replayed.explanation.flags


def test_titles_leave_out_what_may_not_be_said(bundle: EngineBundle) -> None:
    """No sensitive, missing or unknown title is ever among them."""
    found = {**restore(logged(bundle, random_list(bundle, 2, length=60, size=30)), bundle).titles}
    assert {f"i{code}" for code in range(30)} - {"i7", "i11"} == set(found)
    assert "Title 12" == found["i13"]


def test_an_entry_that_refers_to_a_lost_snapshot_is_refused(bundle: EngineBundle, snapshot: TrendSnapshot) -> None:
    """Entries keep a reference to the trend snapshot; without it they cannot be computed again."""
    context = random_list(bundle, 1)
    ids = [item.item_id for item in context.items]
    known = candidates_in(snapshot, bundle, ids, context.region)
    items = [
        msgspec.structs.replace(item, item_features=each.item_features, item_facts=each.item_facts)
        for item, each in zip(context.items, known, strict=True)
    ]
    found = logged(bundle, msgspec.structs.replace(context, items=tuple(items)), known=known)
    assert restore(found, bundle, lambda digest: snapshot).scored is not None

    def gone(digest: str) -> TrendSnapshot:
        raise SnapshotNotFoundError(f"trend snapshot {digest} is not kept")

    with pytest.raises(SnapshotNotFoundError, match="t" * 64):
        restore(found, bundle, gone)
