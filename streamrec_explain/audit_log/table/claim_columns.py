"""Claims as typed columns, and back: what repeats is told once as their form, the values lie in places of their own.

A form such as `[["watch_history",true,[["margin","number"],["items","attention_2"]]]]` names kind, verdict and
evidence of every claim of an entry; a release has few, so that forms cost bits. Single texts, integers and numbers
take the places of their column group in the order of the evidence, tuples of texts come after all single texts.
What stands in the entry's rankings already is named there (`shap_1`: that SHAP value, `attention_2`: the first
two attended items) instead of being stored again, and what the places are too few for goes to `claim_rest`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain, compress, pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamrec_explain.audit_log.table import arrow_columns as arrow
from streamrec_explain.audit_log.table.precision import kept
from streamrec_explain.audit_log.table.rankings import Pairs, Rankings
from streamrec_explain.audit_log.table.schema import (
    ATTENTION_PLACES,
    CLAIM_INTEGER_PLACES,
    CLAIM_NUMBER_PLACES,
    CLAIM_TEXT_PLACES,
    SHAP_PLACES,
)
from streamrec_explain.records import Claim

# The kinds of pieces by number: a claim itself is its verdict, evidence is its type or where the rankings have it.
# A tuple of texts that the rankings do not have is -1 less its length.
_KINDS: tuple[bool | str, ...] = (
    *(False, True, "none", "text", "integer", "number"),
    *(f"shap_{place}" for place in SHAP_PLACES),
    *(f"attention_{place}" for place in ATTENTION_PLACES),
)
_CLAIM, _EMPTY_TUPLE = 0, -1
_NONE, _TEXT, _INTEGER, _NUMBER = (_KINDS.index(kind) for kind in ("none", "text", "integer", "number"))
_SHAP, _ATTENTION = _KINDS.index("shap_1") - 1, _KINDS.index("attention_1") - 1
_KIND_OF = {
    Claim: _CLAIM,
    tuple: _EMPTY_TUPLE,
    str: _TEXT,
    int: _INTEGER,
    bool: _INTEGER,
    float: _NUMBER,
    type(None): _NONE,
}

Integers = npt.NDArray[np.int64]
_Form = list[tuple[str, bool, list[tuple[str, str | int]]]]


class _Values(NamedTuple):
    """The values of one type of n entries, one after the other, and how many each entry has, int64 [n]."""

    flat: Any
    counts: Integers

    def columns(self, name: str, places: Sequence[int], at: Callable[[Integers], pa.Array]) -> dict[str, pa.Array]:
        """The columns of the first values of each entry; `at` makes one of the values at places in `flat`."""
        return {f"{name}_{place}": at(arrow.places_in(self.counts, place)) for place in places}

    def beyond(self, places: Sequence[int], row: int) -> Any:
        """The values of one entry for which the places are too few."""
        start = int(self.counts[:row].sum())
        return self.flat[start + len(places) : start + int(self.counts[row])]


class _Pieces(NamedTuple):
    """What the claims of n entries consist of, in order: each claim itself, then its evidence."""

    names: tuple[str, ...]
    values: list[Any]
    kinds: Integers  # [pieces]
    rows: Integers  # [pieces]: whose it is
    counts: Integers  # [n]

    @classmethod
    def of(cls, claims: Sequence[Sequence[Claim]]) -> "_Pieces":
        every = list(chain.from_iterable(claims))
        names = tuple([name for claim in every for name in (claim.kind, *claim.evidence)])
        values = [value for claim in every for value in (claim, *claim.evidence.values())]
        kinds = np.fromiter(map(_KIND_OF.__getitem__, map(type, values)), np.int64, len(values))
        kinds[kinds == _CLAIM] = [claim.verdict for claim in every]
        ends = np.cumsum([0, *[1 + len(claim.evidence) for claim in every]])
        counts = np.diff(ends[np.cumsum(arrow.lengths(claims))], prepend=0)
        return cls(names, values, kinds, np.repeat(np.arange(len(claims)), counts), counts)

    def that(self, chosen: npt.NDArray[np.bool_]) -> _Values:
        """The values of the chosen pieces [pieces]."""
        flat = list(compress(self.values, chosen.tolist()))
        return _Values(flat, np.bincount(self.rows[chosen], minlength=len(self.counts)))

    def forms(self) -> list[str]:
        """The form of each entry's claims."""
        names, kinds, ends = self.names, tuple(self.kinds.tolist()), np.cumsum(self.counts).tolist()
        return [_form(names[first:last], kinds[first:last]) for first, last in pairwise((0, *ends))]


def claim_columns(claims: Sequence[Sequence[Claim]], shap: Rankings, attention: Rankings) -> dict[str, pa.Array]:
    """Take the claims of n entries apart; `shap` and `attention` are the rankings of the same entries."""
    pieces = _Pieces.of(claims)
    _name_known_numbers(pieces, shap)
    _name_known_tuples(pieces, attention)
    texts, integers = _texts(pieces), pieces.that(pieces.kinds == _INTEGER)
    numbers = pieces.that(pieces.kinds == _NUMBER)
    whole, rounded = np.array(integers.flat, np.int64), kept(np.array(numbers.flat, np.float64))
    return {
        "claims": arrow.CodedTexts.of(pieces.forms()).column(),
        **texts.columns("claim_text", CLAIM_TEXT_PLACES, arrow.CodedTexts.of(texts.flat).at),
        **integers.columns("claim_integer", CLAIM_INTEGER_PLACES, partial(arrow.numbers_at, whole)),
        **numbers.columns("claim_number", CLAIM_NUMBER_PLACES, partial(arrow.numbers_at, rounded)),
        "claim_rest": arrow.binaries(_rests(texts, integers, numbers)),
    }


def claims_of(row: Mapping[str, Any], shap: Pairs, attention: Pairs) -> tuple[Claim, ...]:
    """The claims of a table row given as a dict by column; `shap` and `attention` are its rankings."""
    form = _parsed(row["claims"])
    if not form:
        return ()
    rest = _Rest() if row["claim_rest"] is None else msgspec.msgpack.decode(row["claim_rest"], type=_Rest)
    texts = (*_values(row, "claim_text", CLAIM_TEXT_PLACES), *rest.texts)
    singles = sum(kind == "text" for _, _, evidence in form for _, kind in evidence)
    values = {
        "text": iter(texts[:singles]),
        "tuple": iter(texts[singles:]),
        "integer": chain(_values(row, "claim_integer", CLAIM_INTEGER_PLACES), rest.integers),
        "number": chain(_values(row, "claim_number", CLAIM_NUMBER_PLACES), rest.numbers),
    }
    known: dict[str, float | tuple[str, ...] | None] = {"none": None}
    known |= {f"shap_{place}": value for place, (_, value) in enumerate(shap, start=1)}
    items = tuple(item for item, _ in attention)
    known |= {f"attention_{place}": items[:place] for place in range(1, len(items) + 1)}
    return tuple(
        Claim(kind, verdict, {name: _taken(what, values, known) for name, what in evidence})
        for kind, verdict, evidence in form
    )


def _name_known_numbers(pieces: _Pieces, shap: Rankings) -> None:
    """Numbers that are SHAP values of their entry become those; not 0, which has two signs."""
    places = np.flatnonzero(pieces.kinds == _NUMBER)
    numbers = np.array([pieces.values[place] for place in places.tolist()], np.float64)
    for rank in reversed(SHAP_PLACES):
        same = (numbers == shap.numbers_at(rank)[pieces.rows[places]]) & (numbers != 0)
        pieces.kinds[places[same]] = _SHAP + rank


def _name_known_tuples(pieces: _Pieces, attention: Rankings) -> None:
    """Tuples of texts that are the first attended items of their entry become those, others tell their length."""
    places = np.flatnonzero(pieces.kinds == _EMPTY_TUPLE)
    labels, starts, lengths = attention.labels, attention.starts.tolist(), attention.lengths.tolist()
    kinds = []
    for place, row in zip(places.tolist(), pieces.rows[places].tolist(), strict=True):
        items, start = pieces.values[place], starts[row]
        size = len(items)
        known = 0 < size <= min(len(ATTENTION_PLACES), lengths[row])
        is_first = known and list(items) == labels[start : start + size]
        kinds.append(_ATTENTION + size if is_first else _EMPTY_TUPLE - size)
    pieces.kinds[places] = kinds


def _texts(pieces: _Pieces) -> _Values:
    """The single texts of each entry, then those of its tuples."""
    singles, tuples = pieces.kinds == _TEXT, pieces.kinds < _EMPTY_TUPLE
    within = [len(items) for items in compress(pieces.values, tuples.tolist())]
    flat = [*compress(pieces.values, singles.tolist())]
    flat += chain.from_iterable(compress(pieces.values, tuples.tolist()))
    rows = np.concatenate([pieces.rows[singles], np.repeat(pieces.rows[tuples], within)])
    order = np.argsort(rows, kind="stable").tolist()
    return _Values([flat[place] for place in order], np.bincount(rows, minlength=len(pieces.counts)))


def _rests(texts: _Values, integers: _Values, numbers: _Values) -> list[bytes | None]:
    """The values beyond the columns, numbers as `precision.kept`; None where there are none."""
    too_many = texts.counts > len(CLAIM_TEXT_PLACES)
    too_many |= (integers.counts > len(CLAIM_INTEGER_PLACES)) | (numbers.counts > len(CLAIM_NUMBER_PLACES))
    rests: list[bytes | None] = [None] * len(too_many)
    for row in np.flatnonzero(too_many).tolist():
        beyond = kept(np.array(numbers.beyond(CLAIM_NUMBER_PLACES, row))).tolist()
        rest = texts.beyond(CLAIM_TEXT_PLACES, row), integers.beyond(CLAIM_INTEGER_PLACES, row), beyond
        rests[row] = msgspec.msgpack.encode(rest)
    return rests


class _Rest(NamedTuple):
    texts: tuple[str, ...] = ()
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()


def _taken(
    kind: str | int, values: Mapping[str, Iterator[Any]], known: Mapping[str, float | tuple[str, ...] | None]
) -> Any:
    """The next value of a kind; an integer is the length of a tuple of texts."""
    if isinstance(kind, int):
        return tuple(next(values["tuple"]) for _ in range(kind))
    return next(values[kind]) if kind in values else known[kind]


@lru_cache(maxsize=4096)
def _form(names: tuple[str, ...], kinds: tuple[int, ...]) -> str:
    """The form of claims whose pieces have these names and kinds."""
    claims: list[tuple[str, object, list[object]]] = []
    for name, kind in zip(names, kinds, strict=True):
        told = _KINDS[kind] if kind > _EMPTY_TUPLE else _EMPTY_TUPLE - kind
        if isinstance(told, bool):
            claims.append((name, told, []))
        else:
            claims[-1][-1].append((name, told))
    return msgspec.json.encode(claims).decode()


@lru_cache(maxsize=4096)
def _parsed(form: str) -> _Form:
    return msgspec.json.decode(form, type=_Form)


def _values(row: Mapping[str, Any], stem: str, places: Sequence[int]) -> Iterator[Any]:
    found = (row[f"{stem}_{place}"] for place in places)
    return (value for value in found if value is not None)
