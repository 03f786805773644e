"""How a user's engaged events move the utility of a candidate: sparse, directed, additive, fading with lag."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.config import HISTORY_WINDOW
from streamrec_explain.events.synthetic.items import SyntheticItems

NEXT_EPISODE: Final = 1.5  # on the next episode of a series, at lag 1
LAG: Final = np.arange(1, HISTORY_WINDOW + 1)
LINK_FADE: Final = np.exp(-(LAG - 1) / 30.0).astype(np.float32)
NEXT_FADE: Final = np.exp(-(LAG - 1) / 6.0).astype(np.float32)


@dataclass(frozen=True)
class Influence:
    """influence(event, candidate, lag) = link(line, line) LINK_FADE(lag) + [next] NEXT_EPISODE NEXT_FADE(lag).

    A window is int32 [n, 50]: column k holds the item of the event at lag k + 1, or -1. `line` and
    `next_item` have one row more than there are items, for -1; `link` [n_lines + 1, n_lines + 1] likewise.
    """

    line: NDArray[np.int32]
    next_item: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]
    link: NDArray[np.float32]

    @classmethod
    def of(cls, items: SyntheticItems) -> "Influence":
        """The influence that the catalogue's links define."""
        lines = items.lines
        return cls(
            line=np.append(items.line, np.int32(len(lines))),
            next_item=np.append(items.next_item, np.int32(-1)),
            targets=np.vstack((lines.targets, np.zeros((1, lines.targets.shape[1]), dtype=np.int32))),
            weights=np.vstack((lines.weights, np.zeros((1, lines.weights.shape[1]), dtype=np.float32))),
            link=np.pad(lines.matrix, ((0, 1), (0, 1))),
        )

    def on_lines(self, window: NDArray[np.int32]) -> NDArray[np.float32]:
        """What the window adds to each line's utility through links, [n, n_lines]."""
        n_lines = len(self.link) - 1
        source = self.line[window]
        cell = np.arange(len(window))[:, None, None] * n_lines + self.targets[source]
        weight = self.weights[source] * LINK_FADE[:, None]
        total = np.bincount(cell.ravel(), weight.ravel(), minlength=len(window) * n_lines)
        return total.reshape(len(window), n_lines).astype(np.float32)

    def on_items(
        self, window: NDArray[np.int32], on_lines: NDArray[np.float32], candidates: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """What the window adds to each candidate's utility, [n, n_candidates]; candidates are not -1."""
        linked = np.take_along_axis(on_lines, self.line[candidates], axis=1)
        following = self.next_item[window]
        is_next = following[:, None, :] == candidates[:, :, None]
        followed = (is_next * NEXT_FADE).sum(axis=2, dtype=np.float32)
        return np.asarray(linked + np.float32(NEXT_EPISODE) * followed)

    def contributions(self, window: NDArray[np.int32], candidate: NDArray[np.int32]) -> NDArray[np.float32]:
        """What each event of a window adds to the utility of its one candidate, [n, 50]."""
        linked = self.link[self.line[window], self.line[candidate][:, None]] * LINK_FADE
        is_next = self.next_item[window] == candidate[:, None]
        return np.asarray(linked + is_next * (np.float32(NEXT_EPISODE) * NEXT_FADE))
