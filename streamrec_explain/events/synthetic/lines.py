"""Lines of items (series and collections) and the sparse, directed influence of one line on another."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.synthetic.titles import vocabularies

MEAN_LINE_SIZE: Final = 14
SELF_LINK: Final = 0.55  # an engaged event's influence on other items of its own line, at lag 1
SIBLING_LINK: Final = 0.30  # on another line of the same creator
TOPIC_LINKS: Final = (0.75, 0.60, 0.45)  # on three other lines: these are what a model has to learn
RIVAL_LINK: Final = -0.45  # on one line it has had enough of


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
    targets = _targets(category, creator, rng)
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


def _targets(category: NDArray[np.int32], creator: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Six targets per line: itself, a sibling (itself if it has none), three topics, a rival."""
    n_lines = len(category)
    targets = np.empty((n_lines, 6), dtype=np.int32)
    for line in range(n_lines):
        others = np.delete(np.arange(n_lines), line)
        siblings = others[creator[others] == creator[line]]
        near = others[(category[others] == category[line]) & (creator[others] != creator[line])]
        topic = rng.choice(near if len(near) else others)
        far = rng.choice(others[(others != topic) & ~np.isin(others, siblings)], 3, replace=False)
        targets[line] = (line, rng.choice(siblings) if len(siblings) else line, topic, *far)
    return targets


def _weights(targets: NDArray[np.int32], creator: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
    lines = np.arange(len(targets))
    weights = np.tile((SELF_LINK, SIBLING_LINK, *TOPIC_LINKS, RIVAL_LINK), (len(targets), 1))
    weights[targets[:, 1] == lines, 1] = 0.0
    return (weights * rng.uniform(0.8, 1.2, weights.shape)).astype(np.float32)
