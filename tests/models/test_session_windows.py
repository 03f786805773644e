"""Windows: every event is a target once, with exactly its context."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.models.session_windows import windows

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any)


@given(LENGTHS, st.integers(1, 15), st.integers(1, 15), st.integers(1, 100))
def test_every_event_is_a_target_once(lengths: list[int], context: int, stride: int, positions: int) -> None:
    """The targets of an epoch are all events, each once (items are their own numbers here)."""
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    cut = windows(np.arange(sum(lengths), dtype=np.int32), offsets, context, stride)
    batches = list(cut.batches(positions, np.random.default_rng(0)))
    found = np.concatenate([batch.items[batch.targets] for batch in batches])
    assert list(range(sum(lengths))) == sorted(found.tolist())
    assert cut.count_batches(positions) == len(batches)
    assert all(batch.items.size <= max(positions, context + stride) for batch in batches)


@given(LENGTHS, st.integers(1, 15), st.integers(1, 15))
def test_context_is_the_users_own_past(lengths: list[int], context: int, stride: int) -> None:
    """A window holds up to `context` events right before its targets, none of another user."""
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    cut = windows(np.arange(sum(lengths), dtype=np.int32), offsets, context, stride)
    first = offsets[np.searchsorted(offsets, cut.target, side="right") - 1]
    assert np.maximum(first, cut.target - context).tolist() == cut.start.tolist()
    assert (cut.end <= offsets[np.searchsorted(offsets, cut.target, side="right")]).all()
