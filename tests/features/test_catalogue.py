"""The catalogue keeps every fact of the items table and gives codes for names."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from streamrec_explain.errors import FeatureError
from streamrec_explain.events.schema import ITEMS
from streamrec_explain.events.world import World
from streamrec_explain.features.catalogue import Catalogue
from tests.reference.small_world import item


def catalogue_of(*items: object) -> Catalogue:
    """The catalogue of item records."""
    return Catalogue.from_items(pa.Table.from_pylist(list(items), schema=ITEMS))


def test_categories_are_codes_padded_with_minus_one() -> None:
    """The main category comes first; a repeated one counts once; names are sorted."""
    catalogue = catalogue_of(item("a", ["Travel", "Drama", "Travel"]), item("b", []))
    assert ("Drama", "Travel") == catalogue.category_names
    assert [[1, 0, -1, -1], [-1, -1, -1, -1]] == catalogue.categories.tolist()
    assert ("Travel", "Drama") == catalogue.categories_of(0)
    assert () == catalogue.categories_of(-1)


def test_unknown_facts_are_nan_or_minus_one() -> None:
    """Nothing unknown is turned into a number that could be true."""
    catalogue = catalogue_of(item("a"))
    assert np.isnan([catalogue.creator_subscribers[0], catalogue.duration_s[0]]).all()
    assert (-1, -1) == (catalogue.publish_time_ms[0], catalogue.creators[0])
    assert (None, None) == (catalogue.titles[0], catalogue.creator_of(0))


def test_codes_are_rows_and_unknown_items_minus_one(catalogue: Catalogue) -> None:
    """An item's code is its row; an item that is not there has code -1."""
    assert [3, -1, 0] == catalogue.codes(["v3", "nobody", "v0"]).tolist()
    assert 3 == catalogue.code("v3")
    assert -1 == catalogue.code("nobody")


def test_saved_catalogue_loads_the_same(world: World, catalogue: Catalogue, tmp_path: Path) -> None:
    """Save and load change nothing, and saving again gives the same bytes."""
    catalogue.save(tmp_path / "one.arrow")
    loaded = Catalogue.load(tmp_path / "one.arrow")
    loaded.save(tmp_path / "two.arrow")
    assert world.items.equals(loaded.to_items())
    assert (tmp_path / "one.arrow").read_bytes() == (tmp_path / "two.arrow").read_bytes()


def test_repeated_item_is_refused() -> None:
    """An item has one row."""
    with pytest.raises(FeatureError, match="'a' occurs twice"):
        catalogue_of(item("a"), item("a"))


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file that is no catalogue raises an error with its path."""
    (tmp_path / "broken.arrow").write_bytes(b"not arrow")
    with pytest.raises(FeatureError, match=r"broken\.arrow"):
        Catalogue.load(tmp_path / "broken.arrow")
