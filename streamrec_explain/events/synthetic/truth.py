"""What really moved the choices of a synthetic world, kept apart from its events."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.explanations import EffectTable


@dataclass(frozen=True)
class Causes:
    """Past events that moved one choice: their sequence numbers and what each added, in log-odds."""

    sequence: NDArray[np.int32]
    contribution: NDArray[np.float32]


@dataclass(frozen=True)
class PlantedTruth:
    """The causes of every impression; rows are those of the world's impressions.

    `parts` [n, 7] is the utility in log-odds, split as `part_names` says; `explanation_effect` [n] is what
    the shown explanation added to it (0 in control); `explanation_true` [n] says whether the logged type
    was true of the choice; `position_without_promotion` [n] is the place the item would have had without its
    boost. The non-zero contributions of the past events to the history part of the i-th engaged
    impression, whose row is `engaged_row[i]`, are [offsets[i], offsets[i + 1]) of `sequence` and
    `contribution`. `item_line` and `line_link` are the planted influence between lines of items at lag 1.
    """

    part_names: tuple[str, ...]
    parts: NDArray[np.float32]
    explanation_effect: NDArray[np.float32]
    explanation_true: NDArray[np.bool_]
    position_without_promotion: NDArray[np.int16]
    engaged_row: NDArray[np.int64]
    offsets: NDArray[np.int64]
    sequence: NDArray[np.int32]
    contribution: NDArray[np.float32]
    effects: EffectTable
    item_line: NDArray[np.int32]
    line_link: NDArray[np.float32]

    def part(self, name: str) -> NDArray[np.float32]:
        """One part of the utility by name, [n]."""
        return self.parts[:, self.part_names.index(name)]

    def causes(self, row: int) -> Causes:
        """The causes of the engaged impression at `row`; KeyError if it was not engaged with."""
        index = int(np.searchsorted(self.engaged_row, row))
        if index == len(self.engaged_row) or self.engaged_row[index] != row:
            raise KeyError(row)
        part = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return Causes(self.sequence[part], self.contribution[part])
