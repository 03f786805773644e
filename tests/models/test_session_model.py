"""The served session model: exact against the oracle, additive, independent of the list, safe to load."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamrec_explain.errors import InvalidInputError, UnsupportedModelError
from streamrec_explain.models.session_links import Links
from streamrec_explain.models.session_model import SessionModel, attention
from tests.reference.session import reference_contributions

EVENTS = st.lists(st.tuples(st.integers(-1, 29), st.integers(-2, 25)), max_size=30)
CANDIDATES = st.lists(st.integers(-1, 29), max_size=12)


@given(EVENTS, CANDIDATES)
def test_contributions_match_the_oracle(
    model: SessionModel, events: list[tuple[int, int]], candidates: list[int]
) -> None:
    """Every contribution equals the formula written out; unknown items and foreign lags add exactly 0."""
    history, lags = [item for item, _ in events], [lag for _, lag in events]
    expected = reference_contributions(model, history, lags, candidates)
    found = model.contributions(history, lags, candidates)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert not found[expected == 0].any()


@given(EVENTS, CANDIDATES)
def test_score_is_bias_plus_contributions(
    model: SessionModel, events: list[tuple[int, int]], candidates: list[int]
) -> None:
    """Nothing but the bias and the contributions makes the score; an unknown candidate scores 0."""
    history, lags = [item for item, _ in events], [lag for _, lag in events]
    bias = [float(model.bias[code]) if code >= 0 else 0.0 for code in candidates]
    expected = bias + model.contributions(history, lags, candidates).sum(axis=1)
    np.testing.assert_allclose(model.scores(history, lags, candidates), expected, rtol=0, atol=1e-12)


@given(EVENTS.filter(bool), st.integers(0, 29), st.data())
def test_contribution_is_what_removal_costs(
    model: SessionModel, events: list[tuple[int, int]], candidate: int, data: st.DataObject
) -> None:
    """Removing an event, the others keeping their lags, lowers the score by its contribution."""
    gone = data.draw(st.integers(0, len(events) - 1))
    history, lags = np.array(events).T
    without = np.delete(history, gone), np.delete(lags, gone)
    drop = model.scores(history, lags, [candidate]) - model.scores(*without, [candidate])
    expected = model.contributions(history, lags, [candidate])[0, gone]
    assert expected == pytest.approx(drop[0], abs=1e-12)


@given(EVENTS, st.lists(st.integers(-1, 29), min_size=1, max_size=12))
def test_list_does_not_matter_to_the_bit(
    model: SessionModel, events: list[tuple[int, int]], candidates: list[int]
) -> None:
    """A candidate's numbers are the same alone and in any list."""
    history, lags = [item for item, _ in events], [lag for _, lag in events]
    scores, parts = model.scores(history, lags, candidates), model.contributions(history, lags, candidates)
    for place, code in enumerate(candidates):
        assert scores[place] == model.scores(history, lags, [code])[0]
        assert (parts[place] == model.contributions(history, lags, [code])[0]).all()


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 20)), min_size=1), st.integers(0, 29), st.booleans())
def test_embedded_events_make_the_contributions(
    model: SessionModel, events: list[tuple[int, int]], candidate: int, linked: bool
) -> None:
    """What events say times what it is worth is what they contribute, with links and without."""
    chosen = model if linked else replace(model, links=Links.none())
    history, lags = np.array(events).T
    said, worth = chosen.embedded(history, lags, candidate)
    expected = chosen.contributions(history, lags, [candidate])[0]
    np.testing.assert_allclose((said * worth).sum(axis=1), expected, rtol=0, atol=1e-5)


def test_no_history_scores_the_bias(model: SessionModel) -> None:
    """Without events only the bias is left."""
    assert model.bias.astype(np.float64).tolist() == model.scores([], [], np.arange(30)).tolist()
    assert (2, 0) == model.contributions([], [], [1, 2]).shape


def test_long_history_counts_only_near_events(model: SessionModel) -> None:
    """Of 10,000 events those within max_lag score exactly as they do alone."""
    history, lags = np.arange(10_000) % 30, np.arange(10_000, 0, -1)
    near = model.scores(history[-20:], lags[-20:], [3, 4])
    assert near.tolist() == model.scores(history, lags, [3, 4]).tolist()


def test_pairs_with_lags_equal_one_by_one(model: SessionModel) -> None:
    """A history per candidate, with gaps in its lags, events beyond the horizon and strangers: bit for bit."""
    rng = np.random.default_rng(5)
    events, lags = rng.integers(-1, 30, size=60), rng.integers(1, model.max_lag + 3, size=60)
    ranges = np.array([[0, 0], [0, 60], [0, 60], [5, 9], [12, 40], [5, 9]])
    candidates = [1, 2, 3, 4, -1, 5]
    expected = [model.scores(events[a:b], lags[a:b], [c])[0] for (a, b), c in zip(ranges, candidates, strict=True)]
    assert expected == model.paired_scores(events, lags, ranges, candidates).tolist()
    assert [] == model.paired_scores(events, lags, ranges[:0], []).tolist()


def test_many_histories_at_once_equal_one_by_one(model: SessionModel) -> None:
    """Flat scoring equals single scoring bit for bit, across gaps in the sequence and repeated histories."""
    events = np.arange(40) * 7 % 30
    sequence = np.cumsum(np.arange(40) % 3 + 1)
    ranges = np.array([[0, 0], [0, 40], [0, 40], [5, 9], [12, 40]])
    expected = [
        model.scores(events[a:b], (sequence[b - 1] + 1 if b > a else 0) - sequence[a:b], [c])[0]
        for (a, b), c in zip(ranges, [1, 2, 3, 4, -1], strict=True)
    ]
    assert expected == model.scores_after(events, sequence, ranges, [1, 2, 3, 4, -1]).tolist()
    whole = model.catalogue_scores(events, sequence, ranges)
    np.testing.assert_allclose(whole[range(4), [1, 2, 3, 4]], expected[:4], rtol=0, atol=1e-4)


@given(EVENTS.filter(bool))
def test_attention_is_a_share(model: SessionModel, events: list[tuple[int, int]]) -> None:
    """Attention sums to 1 per candidate, or is 0 everywhere where nothing contributes; never NaN."""
    history, lags = np.array(events).T
    shares = attention(model.contributions(history, lags, [0, 1]))
    for total in shares.sum(axis=1):
        assert total == 0.0 or total == pytest.approx(1.0)


def test_file_keeps_every_bit(model: SessionModel, tmp_path: Path) -> None:
    """Saving and loading changes nothing, and equal models make equal files."""
    model.save(tmp_path / "a.npz")
    loaded = SessionModel.load(tmp_path / "a.npz")
    loaded.save(tmp_path / "b.npz")
    for part, same in ((model, loaded), (model.links, loaded.links)):
        for name, array in vars(part).items():
            assert isinstance(array, Links) or array.tobytes() == getattr(same, name).tobytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as a, zipfile.ZipFile(tmp_path / "b.npz") as b:
        assert [(i.filename, i.CRC) for i in a.infolist()] == [(i.filename, i.CRC) for i in b.infolist()]


def test_file_from_before_links_is_read(model: SessionModel, tmp_path: Path) -> None:
    """A model of the first format scores as its tables alone do."""
    alone = replace(model, links=Links.none())
    tables = {name: array for name, array in vars(model).items() if name != "links"}
    np.savez(tmp_path / "old.npz", format=np.array("additive-session-model/1"), **tables)
    loaded = SessionModel.load(tmp_path / "old.npz")
    history, lags = [1, 2, 3], [3, 2, 1]
    expected = alone.scores(history, lags, np.arange(30))
    assert expected.tolist() == loaded.scores(history, lags, np.arange(30)).tolist()
    assert (expected != model.scores(history, lags, np.arange(30))).any()


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half a zip"])
def test_foreign_file_is_refused(content: bytes, tmp_path: Path) -> None:
    """A file of another kind is named in the error."""
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(UnsupportedModelError, match=r"model\.npz"):
        SessionModel.load(tmp_path / "model.npz")


def test_other_format_is_refused(tmp_path: Path) -> None:
    """Arrays of another format, and pickled objects, are refused."""
    np.savez(tmp_path / "other.npz", format=np.array("v0"), bias=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", format=np.array({"a": 1}, dtype=object))
    for name in ("other.npz", "pickled.npz"):
        with pytest.raises(UnsupportedModelError):
            SessionModel.load(tmp_path / name)


def test_broken_arrays_are_refused(model: SessionModel) -> None:
    """Wrong dtype, NaN, and tables that do not fit together never become a model."""
    nan = model.bias.copy()
    nan[3] = np.nan
    broken = {
        "bias": (nan, model.bias[:-1], model.bias.astype(np.float64)),
        "lag_curve": (model.lag_curve[:2],),
        "links": (replace(model.links, curve=model.links.curve[:-1]),),
    }
    for name, arrays in broken.items():
        for array in arrays:
            with pytest.raises(UnsupportedModelError):
                replace(model, **{name: array})


def test_ill_shaped_histories_are_refused(model: SessionModel) -> None:
    """Every event needs a lag, every candidate a range within the events."""
    with pytest.raises(InvalidInputError):
        model.scores([1, 2], [1], [0])
    for ranges, candidates in (([[0, 3]], [0]), ([[2, 1]], [0]), ([[0, 1]], [0, 1]), ([0, 1], [0])):
        with pytest.raises(InvalidInputError):
            model.scores_after([1, 2], [1, 2], ranges, candidates)
