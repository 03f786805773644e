"""Lines of items (series and collections) and the sparse, directed influence of one line on another."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.titles import vocabularies

MEAN_LINE_SIZE: Final = 14
THEME_SIZE: Final = 6
SELF_LINK: Final = 0.1  # an engaged event's influence on other items of its own line, at lag 1
SIBLING_LINK: Final = 0.15  # on another line of the same creator
TOPIC_LINKS: Final = (0.9, 0.8, 0.7)  # on three other lines: these are what a model has to learn
RIVAL_LINK: Final = -0.5  # on one line it has had enough of


@dataclass(frozen=True)
class Lines:
    """Series and collections; a line is a row. `targets` and `weights` [n_lines, 6] are its links."""

    names: tuple[str, ...]
    category: NDArray[np.int32]
    serial: NDArray[np.bool_]
    size: NDArray[np.int32]
    creator: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.category)

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The influence of line i on line j at lag 1, [n_lines, n_lines]."""
        matrix = np.zeros((len(self), len(self)), dtype=np.float32)
        np.add.at(matrix, (np.arange(len(self))[:, None], self.targets), self.weights)
        return matrix


def make_lines(n_items: int, rng: np.random.Generator) -> Lines:
    """Lines of 8 to 20 items that together hold `n_items`, in every category."""
    size = _sizes(n_items, rng)
    kinds = tuple(vocabularies().values())
    category = (np.arange(len(size)) % len(kinds)).astype(np.int32)
    number = np.arange(len(size)) // len(kinds)
    names = (kinds[kind].line_name(int(count)) for kind, count in zip(category, number, strict=True))
    creator = _creators(category, rng)
    targets = _targets(creator, rng)
    return Lines(
        names=tuple(names),
        category=category,
        serial=np.array([kinds[kind].serial for kind in category]),
        size=size,
        creator=creator,
        targets=targets,
        weights=_weights(targets, creator, rng),
    )


def _sizes(n_items: int, rng: np.random.Generator) -> NDArray[np.int32]:
    n_lines = max(1, round(n_items / MEAN_LINE_SIZE))
    size = rng.integers(8, 21, n_lines)
    while (surplus := int(size.sum()) - n_items) != 0:
        room = np.flatnonzero(size > 8) if surplus > 0 else np.flatnonzero(size < 20)
        changed = rng.permutation(room)[: abs(surplus)]
        size[changed] -= np.sign(surplus)
    return size.astype(np.int32)


def _creators(category: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """A creator for each line: two or three neighbouring lines of a category share one."""
    order = np.argsort(category, kind="stable")
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (np.diff(category[order]) != 0) | (rng.random(len(order) - 1) < 0.4)
    creator = np.empty(len(order), dtype=np.int32)
    creator[order] = np.cumsum(starts) - 1
    return creator


def _targets(creator: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Six targets per line: itself, a sibling (itself if it has none), three topics, a rival."""
    own = np.arange(len(creator))
    topics = _topics(len(creator), rng)
    rival = (own + rng.integers(1, len(creator), len(creator))) % len(creator)
    return np.column_stack((own, _siblings(creator), topics, rival)).astype(np.int32)


def _siblings(creator: NDArray[np.int32]) -> NDArray[np.int64]:
    """The next line of the same creator, after the last one the first again."""
    order = np.argsort(creator, kind="stable")
    size = np.bincount(creator)[creator[order]]
    start = np.searchsorted(creator[order], creator[order])
    sibling = np.empty(len(creator), dtype=np.int64)
    sibling[order] = order[start + (np.arange(len(order)) - start + 1) % size]
    return sibling


def _topics(n_lines: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Three lines that each line leads to: three of the four that its theme leads to, never itself.

    A theme is about six lines of any category, so that several events of a history add up.
    """
    theme = rng.permutation(n_lines) // THEME_SIZE
    goals = np.resize(rng.permutation(n_lines), (int(theme.max()) + 1, len(TOPIC_LINKS) + 1))[theme]
    others = np.where(goals == np.arange(n_lines)[:, None], np.inf, rng.random(goals.shape))
    kept = np.argsort(others, axis=1)[:, : len(TOPIC_LINKS)]
    return np.take_along_axis(goals, kept, axis=1).astype(np.int32)


def _weights(targets: NDArray[np.int32], creator: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    lines = np.arange(len(targets))
    weights = np.tile((SELF_LINK, SIBLING_LINK, *TOPIC_LINKS, RIVAL_LINK), (len(targets), 1))
    weights[targets[:, 1] == lines, 1] = 0.0
    return (weights * rng.uniform(0.8, 1.2, weights.shape)).astype(np.float32)
