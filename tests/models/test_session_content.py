"""What items are: shared attributes only, of equal weight, unit rows."""

import numpy as np
import pyarrow as pa

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.models.session_content import item_content


def catalogue_of(*items: tuple[str | None, list[str], str | None]) -> Catalogue:
    """A catalogue of (title, categories, creator)."""
    rows = [
        {
            "item_id": f"v{code}",
            "title": title,
            "categories": categories,
            "creator": creator,
            "sponsored": False,
            "sensitive": False,
        }
        for code, (title, categories, creator) in enumerate(items)
    ]
    columns = {name: [row.get(name) for row in rows] for name in ITEMS.names}
    return Catalogue.from_items(pa.table(columns, schema=ITEMS))


def test_shared_attributes_of_equal_weight() -> None:
    """Words whatever their case, categories and creators of two items or more, but not of most."""
    content = item_content(
        catalogue_of(
            ("Harbor Lights", ["Drama"], "Mara"),
            ("HARBOR Nights", ["Drama"], "Mara"),
            ("The Table", ["Cooking"], None),
            ("The Wall", [], "Ann"),
            (None, [], None),
        )
    ).toarray()
    first, second, third, fourth, last = content
    assert 3 == np.count_nonzero(first)  # Drama, Mara, harbor
    assert first.tolist() == second.tolist()
    np.testing.assert_allclose(first[first > 0], 1 / np.sqrt(3))
    assert 1.0 == third.max() == fourth.max()  # "the"
    assert not last.any()


def test_what_most_items_have_is_left_out() -> None:
    """A word of three items in four tells none apart."""
    content = item_content(catalogue_of(("a b", [], None), ("a b", [], None), ("a", [], None), ("c", [], None)))
    assert (4, 1) == content.shape
    assert [1.0, 1.0, 0.0, 0.0] == content.toarray()[:, 0].tolist()


def test_nothing_in_common_is_no_attribute() -> None:
    """A catalogue of strangers has a matrix without columns."""
    assert (2, 0) == item_content(catalogue_of(("one", [], None), ("two", [], None))).shape
