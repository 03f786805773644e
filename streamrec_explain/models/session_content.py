"""What items are, apart from who engaged with them: the words of their titles, as a sparse matrix.

Series, seasons and years stand in titles. Categories and creators are left to the re-ranker: learned here, too, they
made the ranking of KuaiRand worse, whose titles say nothing.
"""

import re
from collections import Counter
from typing import Final

import numpy as np
from scipy.sparse import csr_array

from streamrec_explain.features.catalogue import Catalogue

WORD: Final = re.compile(r"\w+")
LEAST_ITEMS: Final = 2  # a word of one title says no more than the item itself
LARGEST_SHARE: Final = 0.5  # of the catalogue; what most items have tells none apart


def item_content(catalogue: Catalogue) -> csr_array:
    """The words of each title, float32 [n_items, F]: equal entries in a row, whose squares sum to 1 (or 0)."""
    of_item = [sorted(set(WORD.findall((title or "").casefold()))) for title in catalogue.titles]
    items_with = Counter(word for words in of_item for word in words)
    most = LARGEST_SHARE * len(catalogue)
    kept = sorted(word for word, count in items_with.items() if LEAST_ITEMS <= count <= most)
    column = {word: place for place, word in enumerate(kept)}
    rows = [[column[word] for word in words if word in column] for words in of_item]
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    values = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    columns = np.array([place for row in rows for place in row], dtype=np.int64)
    return csr_array((values, columns, np.concatenate(([0], np.cumsum(counts)))), shape=(len(rows), len(kept)))
