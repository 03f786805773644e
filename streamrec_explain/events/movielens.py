"""Reader of MovieLens in its three published forms, told apart by the files that are there.

A rating is an impression: shown, and clicked where the rating is 4 or more. Lines may be in any order. A user
rates a film once: a second rating of the same pair is a problem, since keeping either would be a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamrec_explain.events.folder import file_names, require
from streamrec_explain.events.problems import Code, file_error
from streamrec_explain.events.report import Reading
from streamrec_explain.events.schema import IMPRESSIONS, ITEMS, SURVEYS, USERS
from streamrec_explain.events.sheet import Sheet
from streamrec_explain.events.table_building import build_table, in_time_order
from streamrec_explain.events.text_file import CSV, TextFormat, read_text
from streamrec_explain.events.validation import flags, integers, known, numbers, texts, timestamps, unique
from streamrec_explain.events.world import World

MARKET: Final = "ALL"
POSITIVE_RATING: Final = 4.0
DAY_MS: Final = 86_400_000
NO_GENRES: Final = "(no genres listed)"
_GENRES_100K: Final = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
_RATING: Final = ("userId", "movieId", "rating", "timestamp")
_ITEM_100K: Final = ("movieId", "title", "release_date", "video_release_date", "url")
# Lower ages of the groups ml-1m publishes; ml-100k gives ages in years.
_AGE_GROUPS: Final = {0: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}


@dataclass(frozen=True)
class _Form:
    """One published form: its files, and how films and users are read from theirs."""

    ratings: tuple[str, TextFormat]
    movies: tuple[str, TextFormat]
    users: tuple[str, TextFormat] | None
    categories: Callable[[Sheet], pa.Array]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(part[0] for part in (self.ratings, self.movies, self.users) if part is not None)


def read_movielens(folder: Path) -> Reading:
    """Read a MovieLens folder; EventDataError if it is none or a file cannot be read row by row."""
    form = _form(folder)
    movies = read_text(folder / form.movies[0], form.movies[1])
    items = _items(movies, form.categories(movies))
    people = None if form.users is None else read_text(folder / form.users[0], form.users[1])
    users = None if people is None else _users(people)
    ratings = read_text(folder / form.ratings[0], form.ratings[1])
    impressions = _impressions(ratings, items, form.movies[0], users, form.files[-1])
    world = World(
        name="movielens",
        impressions=impressions,
        items=items,
        users=_raters(impressions) if users is None else users,
        surveys=SURVEYS.empty_table(),
        split="per_user_time",
        negatives="sampled",
        refresh_ms=DAY_MS,
        source=str(folder),
    )
    return Reading(world, (movies, ratings) if people is None else (movies, people, ratings))


def _form(folder: Path) -> _Form:
    """The form whose files are there; one file of a form is enough to know what the others must be."""
    there = file_names(folder)
    forms = [form for form in _FORMS if there & set(form.files)]
    choices = "; ".join(" ".join(form.files) for form in _FORMS)
    if not forms:
        raise file_error(str(folder), Code.MISSING_FILE, f"no MovieLens files here; one of these is needed: {choices}")
    if len(forms) > 1:
        raise file_error(str(folder), Code.AMBIGUOUS_FOLDER, f"files of several forms; keep one of: {choices}")
    require(folder, forms[0].files)
    return forms[0]


def _items(sheet: Sheet, categories: pa.Array) -> pa.Table:
    """The films in file order."""
    ids = integers(sheet, "movieId", low=0)
    unique(sheet, "movieId", ids, what="film")
    columns = {"item_id": ids.cast(pa.string()), "title": texts(sheet, "title"), "categories": categories}
    return build_table(ITEMS, sheet.good(), {**columns, "sponsored": False, "sensitive": False})


def _genre_list(sheet: Sheet) -> pa.Array:
    """Genres written as one text, "Action|Comedy"."""
    genres = texts(sheet, "genres", nullable=True)
    listed = pc.if_else(pc.equal(genres, NO_GENRES), pa.scalar(None, pa.string()), genres)
    return pc.split_pattern(listed, "|").fill_null(pa.scalar([], pa.list_(pa.string())))


def _genre_flags(sheet: Sheet) -> pa.Array:
    """Genres written as one 0/1 column each; "unknown" is no genre."""
    names = [name for name in _GENRES_100K if name != "unknown"]
    flags(sheet, "unknown")
    marks = np.column_stack([flags(sheet, name).fill_null(False).to_numpy(zero_copy_only=False) for name in names])
    offsets = np.concatenate(([0], np.cumsum(marks.sum(axis=1))))
    values = pa.array(names).take(pa.array(np.nonzero(marks)[1]))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _users(sheet: Sheet) -> pa.Table:
    """The people of a file of users, in file order."""
    ids = integers(sheet, "userId", low=0)
    unique(sheet, "userId", ids, what="user")
    bounds = np.array(list(_AGE_GROUPS))
    age = integers(sheet, "age", low=0).fill_null(0).to_numpy()
    groups = pa.array(list(_AGE_GROUPS.values())).take(pa.array(np.searchsorted(bounds, age, "right") - 1))
    columns = {"user_id": ids.cast(pa.string()), "age_group": groups, "market": MARKET}
    return build_table(USERS, sheet.good(), columns)


def _raters(impressions: pa.Table) -> pa.Table:
    """The users of a form that has no file of users: everybody who rated, by id."""
    ids = pc.unique(impressions["user_id"].cast(pa.int64())).sort()
    return build_table(USERS, np.ones(len(ids), bool), {"user_id": ids.cast(pa.string()), "market": MARKET})


def _impressions(sheet: Sheet, items: pa.Table, items_file: str, users: pa.Table | None, users_file: str) -> pa.Table:
    """The ratings as impressions in time order."""
    user = integers(sheet, "userId", low=0).cast(pa.string())
    item = integers(sheet, "movieId", low=0).cast(pa.string())
    rating = numbers(sheet, "rating", low=0.5, high=5)
    time_ms = timestamps(sheet, "timestamp", unit_ms=1000)
    known(sheet, "movieId", item, _as_ids(items["item_id"]), Code.UNKNOWN_ITEM, items_file)
    if users is not None:
        known(sheet, "userId", user, _as_ids(users["user_id"]), Code.UNKNOWN_USER, users_file)
    unique(sheet, "movieId", user, item, what="user and film")
    columns = {
        "impression_id": pc.binary_join_element_wise(user, item, "-"),
        "user_id": user,
        "item_id": item,
        "timestamp_ms": time_ms,
        "clicked": pc.greater_equal(rating, POSITIVE_RATING),
    }
    return in_time_order(build_table(IMPRESSIONS, sheet.good(), {**columns, "market": MARKET, "shown": True}))


def _as_ids(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().cast(pa.string())


def _latin(separator: str, *names: str) -> TextFormat:
    return TextFormat(separator, names, encoding="latin-1")


_FORMS: Final = (
    _Form(("ratings.csv", CSV), ("movies.csv", CSV), None, _genre_list),
    _Form(
        ("ratings.dat", _latin("::", *_RATING)),
        ("movies.dat", _latin("::", "movieId", "title", "genres")),
        ("users.dat", _latin("::", "userId", "gender", "age", "occupation", "zip_code")),
        _genre_list,
    ),
    _Form(
        ("u.data", _latin("\t", *_RATING)),
        ("u.item", _latin("|", *_ITEM_100K, *_GENRES_100K)),
        ("u.user", _latin("|", "userId", "age", "gender", "occupation", "zip_code")),
        _genre_flags,
    ),
)
# How each file of each form is written, by its name.
TEXT_FILES: Final = {
    name: text
    for form in _FORMS
    for name, text in (form.ratings, form.movies, *(() if form.users is None else (form.users,)))
}
