"""The value store: values come back equal, are replaced whole, and are never pickled."""

from pathlib import Path

import numpy as np
import pytest

from orchestration.value_store import ValueStore
from orchestration.values import CODECS, ReleaseCandidate, SessionQuality, TrainedSessionModel
from orchestration.values import ComponentVersion as Version
from streamrec_explain.errors import ConformanceError
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.models.reranker_dataset import RerankerDataset
from streamrec_explain.models.session_model import SessionModel


@pytest.fixture
def store(tmp_path: Path) -> ValueStore:
    """An empty store with the product's codecs."""
    return ValueStore(tmp_path / "values", CODECS)


def test_json_values_come_back_equal(store: ValueStore) -> None:
    """Structs travel as JSON."""
    for value in (Thresholds(version="x", trending_max_rank=7.0), ReleaseCandidate(3, "streamrec-release/3@ab", "r")):
        store.write("value", value)
        assert value == store.read("value")


def test_session_model_comes_back_with_its_version(store: ValueStore) -> None:
    """Arrays bit for bit, and the registered version beside them."""
    rng = np.random.default_rng(0)
    tables = [rng.normal(size=(5, 2, 4)).astype(np.float32) for _ in range(2)]
    model = SessionModel(*tables, np.zeros(5, np.float32), np.ones((2, 9), np.float32))
    store.write("session_model", TrainedSessionModel(model, Version("m", 4, "run")))
    found = store.read("session_model")
    np.testing.assert_array_equal(model.event_table, found.model.event_table)
    assert Version("m", 4, "run") == found.registered


def test_rows_come_back_with_their_types(store: ValueStore) -> None:
    """NaN features, boolean labels and small integers survive."""
    rows = RerankerDataset(
        np.array([[1.0, np.nan]]), np.array([True]), np.array([3], np.int32), np.array([2], np.int8),
        np.zeros((1, 5)), np.array([9]),
    )  # fmt: skip
    store.write("rows", rows)
    found = store.read("rows")
    for name, values in vars(rows).items():
        np.testing.assert_array_equal(values, getattr(found, name))
        assert values.dtype == getattr(found, name).dtype


def test_second_write_replaces_the_first(store: ValueStore) -> None:
    """Nothing of the older value is left."""
    store.write("value", Thresholds(version="old"))
    store.write("value", ReleaseCandidate(1, "v", "r"))
    assert ReleaseCandidate(1, "v", "r") == store.read("value")


def test_unknown_types_and_absent_values_are_refused(store: ValueStore) -> None:
    """A set has no codec; a value that was never written says which asset to materialize."""
    with pytest.raises(TypeError, match="no codec for values of type set"):
        store.write("value", {1, 2})
    with pytest.raises(ConformanceError, match="'absent'"):
        store.read("absent")


def test_every_codec_has_its_own_name() -> None:
    """Types are told apart by name in the store."""
    names = [codec.value_type.__name__ for codec in CODECS]
    assert sorted(set(names)) == sorted(names)
    assert SessionQuality.__name__ in names
