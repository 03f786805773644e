"""A folder in the ml-1m form and of its published size, drawn from a synthetic world.

MovieLens-1M may not be passed on, so what must hold at its size is shown on a world of its size: 6,040 users,
3,706 films, 1,000,209 ratings, 57.5% of them positive, no film rated twice by a user.
`python -m tests.reference.movielens_sized DIR` writes it, `streamrec train --world movielens --data DIR` reads it as
it reads the published files.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.events.interactions import codes, engaged
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.world import World

LATIN_QUOTES = str.maketrans("“”‘’", "\"\"''")


@dataclass(frozen=True)
class PublishedSize:
    """How many users, films and ratings a folder holds at most, and how many ratings are 4 or 5."""

    users: int = 6_040
    films: int = 3_706
    ratings: int = 1_000_209
    positive: int = 575_281


@dataclass(frozen=True)
class _Config(SyntheticConfig):
    films: int = 3_706

    @property
    def items(self) -> int:
        """The size of the catalogue is given, not grown with the users."""
        return self.films


def write_folder(folder: Path, size: PublishedSize, seed: int = 0, lists_per_user: float = 57.0) -> int:
    """Write ratings.dat, movies.dat and users.dat; the number of ratings written."""
    world, _ = generate(_Config(users=size.users, seed=seed, lists_per_user=lists_per_user, films=size.films))
    rng = np.random.default_rng(seed)
    rows = _rated(world, size, rng)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "ratings.dat", _rating_lines(world, rows, rng))
    _write(folder / "movies.dat", _film_lines(world))
    _write(folder / "users.dat", [f"{number}::F::25::0::00000" for number in range(1, world.users.num_rows + 1)])
    return len(rows)


def _rated(world: World, size: PublishedSize, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows that become ratings: each (user, film) pair once, watched ones first, then some that were not."""
    user, film = _codes(world)
    chosen = engaged(world.impressions)
    # Of a pair's rows the first that was engaged with, else the first.
    order = np.lexsort((np.arange(len(user)), ~chosen, film, user))
    first = np.append(True, (np.diff(user[order]) != 0) | (np.diff(film[order]) != 0))
    once = order[first]
    positive, negative = once[chosen[once]], once[~chosen[once]]
    kept = rng.permutation(positive)[: size.positive]
    others = rng.permutation(negative)[: size.ratings - size.positive]
    return np.sort(np.concatenate([kept, others]))


def _codes(world: World) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    impressions = world.impressions
    return (
        codes(impressions["user_id"], world.users["user_id"]),
        codes(impressions["item_id"], world.items["item_id"]),
    )


def _rating_lines(world: World, rows: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    user, film = _codes(world)
    stars = np.where(engaged(world.impressions)[rows], rng.integers(4, 6, len(rows)), rng.integers(1, 4, len(rows)))
    seconds = world.impressions["timestamp_ms"].to_numpy()[rows] // 1000
    columns = zip(user[rows] + 1, film[rows] + 1, stars, seconds, strict=True)
    return [f"{person}::{movie}::{rating}::{second}" for person, movie, rating, second in columns]


def _film_lines(world: World) -> list[str]:
    titles, genres = world.items["title"].to_pylist(), world.items["categories"].to_pylist()
    return [
        f"{number}::{(title or f'Untitled {number}').translate(LATIN_QUOTES)}::{'|'.join(named)}"
        for number, (title, named) in enumerate(zip(titles, genres, strict=True), start=1)
    ]


def _write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="latin-1", errors="replace")


if __name__ == "__main__":
    print(write_folder(Path(sys.argv[1]), PublishedSize()), "ratings")
