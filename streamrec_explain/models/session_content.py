"""What items are, apart from who engaged with them: categories, creator and words of the title, as a sparse matrix."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from streamrec_explain.features.catalogue import Catalogue

WORD: Final = re.compile(r"\w+")
LEAST_ITEMS: Final = 2  # an attribute of one item says no more than the item itself
LARGEST_SHARE: Final = 0.5  # of the catalogue; what most items have tells none apart


def item_content(catalogue: Catalogue) -> csr_array:
    """The attributes of each item, float32 [n_items, F]: equal entries in a row, whose squares sum to 1 (or 0)."""
    of_item = [sorted(set(_attributes(catalogue, code))) for code in range(len(catalogue))]
    items_with = Counter(attribute for attributes in of_item for attribute in attributes)
    most = LARGEST_SHARE * len(catalogue)
    kept = sorted(name for name, count in items_with.items() if LEAST_ITEMS <= count <= most)
    column = {name: place for place, name in enumerate(kept)}
    rows = [[column[name] for name in attributes if name in column] for attributes in of_item]
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    values = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    columns = np.array([place for row in rows for place in row], dtype=np.int64)
    return csr_array((values, columns, np.concatenate(([0], np.cumsum(counts)))), shape=(len(rows), len(kept)))


def _attributes(catalogue: Catalogue, code: int) -> Iterator[tuple[str, str]]:
    """(kind, value) of everything that is known of an item."""
    yield from (("category", name) for name in catalogue.categories_of(code))
    creator = catalogue.creator_of(code)
    if creator is not None:
        yield "creator", creator
    yield from (("word", word) for word in WORD.findall((catalogue.titles[code] or "").casefold()))
