"""What items are: shared words only, of equal weight, unit rows."""

import numpy as np
import pyarrow as pa

from streamrec_explain.events.schema import ITEMS
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.models.session_content import item_content


def catalogue_of(*titles: str | None) -> Catalogue:
    """A catalogue of these titles."""
    rows = [{"item_id": f"v{code}", "title": title, "sponsored": False} for code, title in enumerate(titles)]
    columns = {name: [row.get(name) for row in rows] for name in ITEMS.names}
    whole = {"categories": [[] for _ in rows], "sensitive": [False for _ in rows]}
    return Catalogue.from_items(pa.table(columns | whole, schema=ITEMS))


def test_shared_words_of_equal_weight() -> None:
    """Words of two titles or more, whatever their case and however often."""
    titles = "Harbor Lights", "HARBOR lights lights", "The Table", "The Wall", None
    first, second, third, fourth, last = item_content(catalogue_of(*titles)).toarray()
    assert 2 == np.count_nonzero(first)  # harbor, lights
    assert first.tolist() == second.tolist()
    np.testing.assert_allclose(first[first > 0], 1 / np.sqrt(2))
    assert 1.0 == third.max() == fourth.max()  # the
    assert not last.any()


def test_what_most_titles_have_is_left_out() -> None:
    """A word of three titles in four tells none apart."""
    content = item_content(catalogue_of("a b", "a b", "a", "c"))
    assert (4, 1) == content.shape
    assert [1.0, 1.0, 0.0, 0.0] == content.toarray()[:, 0].tolist()


def test_nothing_in_common_is_no_word() -> None:
    """Titles such as KuaiRand's have a matrix without columns."""
    assert (2, 0) == item_content(catalogue_of("Video 1", "Video 2")).shape
