"""The served transformer: removal is real to the bit, lists and padding do not matter, files are safe to load."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamrec_explain.attribution.removal import group_events, removal_drops
from streamrec_explain.errors import InvalidInputError, UnsupportedModelError
from streamrec_explain.models.session_file import load_session_model
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.transformer_model import TransformerModel

ITEMS = st.lists(st.tuples(st.integers(-1, 29), st.integers(1, 3)), max_size=15)
CANDIDATES = st.lists(st.integers(-1, 29), min_size=1, max_size=6)
Int32 = NDArray[np.int32]


def history_of(events: list[tuple[int, int]]) -> tuple[Int32, Int32]:
    """Codes and falling lags of (item, steps to the event after it); up to 45 back, further than the horizon."""
    codes, gaps = np.array(events, dtype=np.int32).reshape(-1, 2).T
    return np.ascontiguousarray(codes), np.cumsum(gaps[::-1])[::-1].astype(np.int32)


@settings(deadline=None)
@given(ITEMS, CANDIDATES)
def test_drops_are_those_of_real_removal_to_the_bit(
    transformer: TransformerModel, events: list[tuple[int, int]], candidates: list[int]
) -> None:
    """One pass without each group of equal items gives what scoring every shorter history from scratch gives."""
    history, lags = history_of(events)
    groups = group_events(history)
    expected = removal_drops(transformer, history, lags, np.array(candidates, np.int32), groups)
    assert expected.tolist() == transformer.effects(history, lags, candidates, groups).drops.tolist()


@settings(deadline=None)
@given(ITEMS, CANDIDATES)
def test_list_does_not_matter_to_the_bit(
    transformer: TransformerModel, events: list[tuple[int, int]], candidates: list[int]
) -> None:
    """A candidate's numbers are the same alone and in any list."""
    history, lags = history_of(events)
    groups = group_events(history)
    whole = transformer.effects(history, lags, candidates, groups)
    for row, candidate in enumerate(candidates):
        assert transformer.scores(history, lags, [candidate]) == transformer.scores(history, lags, candidates)[row]
        alone = transformer.effects(history, lags, [candidate], groups)
        for name, values in vars(alone).items():
            assert values[0].tolist() == getattr(whole, name)[row].tolist()


@settings(deadline=None)
@given(ITEMS, st.lists(st.integers(-1, 29), max_size=4), st.integers(0, 15))
def test_events_that_do_not_count_change_no_bit(
    transformer: TransformerModel, events: list[tuple[int, int]], far: list[int], place: int
) -> None:
    """Unknown items anywhere and events beyond the horizon are as though they were not there."""
    history, lags = history_of(events)
    expected = transformer.scores(history, lags, [3, 4])
    place = min(place, len(history))
    unknown = np.insert(history, place, -1), np.insert(lags, place, 5)
    assert expected.tolist() == transformer.scores(*unknown, [3, 4]).tolist()
    older = np.concatenate([far, history]), np.concatenate([np.arange(len(far)) + 60, lags])
    assert expected.tolist() == transformer.scores(*older, [3, 4]).tolist()


@settings(deadline=None)
@given(ITEMS)
def test_the_whole_history_adds_the_score_but_for_the_bias(
    transformer: TransformerModel, events: list[tuple[int, int]]
) -> None:
    """`total` is what is lost without any event; attention sums to 1, or is 0 without events."""
    history, lags = history_of(events)
    effects = transformer.effects(history, lags, [5, -1], group_events(history))
    assert transformer.scores(history, lags, [5])[0] - transformer.bias[5] == effects.total[0]
    assert (0.0, 0.0) == (effects.total[1], effects.attention[1].sum())
    counts = ((history >= 0) & (lags <= transformer.max_lag)).any()
    assert float(counts) == pytest.approx(effects.attention[0].sum(), abs=1e-12)


def test_no_history_scores_the_bias(transformer: TransformerModel) -> None:
    """Without events the bias is the score, and an unknown candidate scores 0."""
    assert [*transformer.bias[[4, 7]].tolist(), 0.0] == transformer.scores([], [], [4, 7, -1]).tolist()


def test_order_and_distance_matter(transformer: TransformerModel) -> None:
    """It is no bag of items: order matters, and so do the lags that a removed event leaves behind."""
    scores = {
        tuple(transformer.scores(history, lags, [3]).tolist())
        for history, lags in (([1, 2, 5], [3, 2, 1]), ([2, 1, 5], [3, 2, 1]), ([1, 2, 5], [9, 2, 1]))
    }
    assert 3 == len(scores)


def test_pairs_with_lags_equal_one_by_one(transformer: TransformerModel) -> None:
    """A history per candidate, with gaps in its lags, events beyond the horizon and strangers: bit for bit."""
    rng = np.random.default_rng(5)
    events, lags = rng.integers(-1, 30, size=60), rng.integers(1, transformer.max_lag + 3, size=60)
    ranges = np.array([[0, 0], [0, 60], [0, 60], [5, 9], [12, 40], [5, 9]])
    candidates = [1, 2, 3, 4, -1, 5]
    expected = [
        transformer.scores(events[a:b], lags[a:b], [c])[0] for (a, b), c in zip(ranges, candidates, strict=True)
    ]
    assert expected == transformer.paired_scores(events, lags, ranges, candidates).tolist()
    assert [] == transformer.paired_scores(events, lags, ranges[:0], []).tolist()


def test_many_histories_at_once_equal_one_by_one(transformer: TransformerModel) -> None:
    """Flat scoring equals single scoring bit for bit, across gaps in the sequence and repeated histories."""
    events = np.arange(40) * 7 % 30
    sequence = np.cumsum(np.arange(40) % 3 + 1)
    ranges = np.array([[0, 0], [0, 40], [0, 40], [5, 9], [12, 40]])
    expected = [
        transformer.scores(events[a:b], (sequence[b - 1] + 1 if b > a else 0) - sequence[a:b], [c])[0]
        for (a, b), c in zip(ranges, [1, 2, 3, 4, -1], strict=True)
    ]
    assert expected == transformer.scores_after(events, sequence, ranges, [1, 2, 3, 4, -1]).tolist()
    whole = transformer.catalogue_scores(events, sequence, ranges)
    np.testing.assert_allclose(whole[range(4), [1, 2, 3, 4]], expected[:4], rtol=0, atol=1e-5)


def test_permuted_model_keeps_its_sizes_but_not_its_knowledge(transformer: TransformerModel) -> None:
    """The same vectors belong to other items; a bias stays with its candidate's vector."""
    other = transformer.permuted(np.random.default_rng(0))
    pairs = {(row.tobytes(), float(b)) for row, b in zip(transformer.candidate_table, transformer.bias, strict=True)}
    assert pairs == {(row.tobytes(), float(b)) for row, b in zip(other.candidate_table, other.bias, strict=True)}
    assert transformer.event_table.tobytes() != other.event_table.tobytes()
    assert transformer.projections is other.projections


def test_either_kind_comes_back_from_its_file(
    model: SessionModel, transformer: TransformerModel, tmp_path: Path
) -> None:
    """The stored format decides what is read, and not one bit is lost."""
    for kind in (model, transformer):
        kind.scores([1], [1], [2])  # what is computed once must not enter the file
        kind.save(tmp_path / "model.npz")
        loaded = load_session_model(tmp_path / "model.npz")
        loaded.save(tmp_path / "again.npz")
        assert type(kind) is type(loaded)
        with np.load(tmp_path / "model.npz") as first, np.load(tmp_path / "again.npz") as again:
            assert {name: first[name].tobytes() for name in first} == {name: again[name].tobytes() for name in again}
        assert kind.scores([1, 2], [2, 1], [3]).tolist() == loaded.scores([1, 2], [2, 1], [3]).tolist()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    """Other formats, missing arrays, pickles and files that are no archive never become a model."""
    path = tmp_path / "model.npz"
    np.savez(path, format=np.array("v0"), bias=np.zeros(3))
    with pytest.raises(UnsupportedModelError, match=r"model\.npz"):
        load_session_model(path)
    np.savez(path, format=np.array("transformer-session-model/1"), bias=np.zeros(3))
    with pytest.raises(UnsupportedModelError, match=r"model\.npz"):
        load_session_model(path)
    np.savez(path, format=np.array({"a": 1}, dtype=object))
    with pytest.raises(UnsupportedModelError, match=r"model\.npz"):
        load_session_model(path)
    path.write_bytes(b"PK\x03\x04 half a zip")
    with pytest.raises(UnsupportedModelError, match=r"model\.npz"):
        load_session_model(path)


def test_broken_arrays_are_refused(transformer: TransformerModel) -> None:
    """Wrong dtype, NaN, widths that do not divide and arrays that do not fit together never become a model."""
    nan = transformer.bias.copy()
    nan[3] = np.nan
    for name, array in (
        ("bias", nan),
        ("bias", transformer.bias[:-1]),
        ("bias", transformer.bias.astype(np.float64)),
        ("event_table", transformer.event_table[:, :4]),
        ("projections", transformer.projections[:1]),
        ("expand", transformer.expand[0]),
        ("distance_bias", np.repeat(transformer.distance_bias, 2, axis=1)),
    ):
        with pytest.raises(UnsupportedModelError):
            replace(transformer, **{name: array})


def test_ill_shaped_histories_are_refused(transformer: TransformerModel) -> None:
    """Every event needs a lag, every candidate a range within the events."""
    with pytest.raises(InvalidInputError):
        transformer.scores([1, 2], [1], [0])
    for ranges, candidates in (([[0, 3]], [0]), ([[2, 1]], [0]), ([[0, 1]], [0, 1])):
        with pytest.raises(InvalidInputError):
            transformer.scores_after([1, 2], [1, 2], ranges, candidates)
