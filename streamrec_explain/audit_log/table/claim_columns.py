"""Claims as typed columns, and back: what repeats is told once as their form, the values lie in places of their own.

A form such as `[["watch_history",true,[["margin","number"],["items","attention_2"]]]]` names kind, verdict and
evidence of every claim of an entry; a release has few, so that forms cost bits. Single texts, integers and numbers
take the places of their column group in the order of the evidence, tuples of texts come after all single texts.
What stands in the entry's rankings already is named there (`shap_1`: that SHAP value, `attention_2`: the first
two attended items) instead of being stored again, and what the places are too few for goes to `claim_rest`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import numpy as np

from streamrec_explain.audit_log.table.precision import kept
from streamrec_explain.audit_log.table.schema import (
    ATTENTION_PLACES,
    CLAIM_INTEGER_PLACES,
    CLAIM_NUMBER_PLACES,
    CLAIM_TEXT_PLACES,
    SHAP_PLACES,
)
from streamrec_explain.records import Claim

Pairs = Sequence[tuple[str, float]]
_KINDS = {str: "text", int: "integer", bool: "integer", float: "number", type(None): "none"}
_Form = list[tuple[str, bool, list[tuple[str, str | int]]]]


class FlatClaims(msgspec.Struct, frozen=True, gc=False):
    """The claims of one entry: their form and the values of their evidence by type."""

    form: str
    texts: tuple[str, ...] = ()
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()

    @property
    def rest(self) -> bytes | None:
        """The values beyond the columns, numbers as `precision.kept`; None where there are none."""
        numbers = self.numbers[len(CLAIM_NUMBER_PLACES) :]
        texts, integers = self.texts[len(CLAIM_TEXT_PLACES) :], self.integers[len(CLAIM_INTEGER_PLACES) :]
        if not (numbers or texts or integers):
            return None
        return msgspec.msgpack.encode((texts, integers, kept(np.array(numbers)).tolist()))

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "FlatClaims":
        """The claims of a table row given as a dict by column."""
        rest = _Rest() if row["claim_rest"] is None else msgspec.msgpack.decode(row["claim_rest"], type=_Rest)
        return cls(
            row["claims"],
            (*_values(row, "claim_text", CLAIM_TEXT_PLACES), *rest.texts),
            (*_values(row, "claim_integer", CLAIM_INTEGER_PLACES), *rest.integers),
            (*_values(row, "claim_number", CLAIM_NUMBER_PLACES), *rest.numbers),
        )


class _Rest(NamedTuple):
    texts: tuple[str, ...] = ()
    integers: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()


_NO_CLAIMS = FlatClaims("[]")


def flat_claims(claims: Sequence[Claim], shap: Pairs, attention: Pairs) -> FlatClaims:
    """Take the claims of an entry apart; `shap` and `attention` are its rankings."""
    if not claims:
        return _NO_CLAIMS
    texts: list[str] = []
    tuples: list[str] = []
    integers: list[int] = []
    numbers: list[float] = []
    shape: list[object] = []
    known = [value for _, value in shap[: len(SHAP_PLACES)]]
    for claim in claims:
        shape += (claim.kind, claim.verdict)
        for name, value in claim.evidence.items():
            kind: object = type(value)
            if isinstance(value, float):
                if value and value in known:
                    kind = f"shap_{known.index(value) + 1}"
                else:
                    numbers.append(value)
            elif isinstance(value, tuple):
                kind = len(value)
                if _are_first(value, attention):
                    kind = f"attention_{kind}"
                else:
                    tuples += value
            elif isinstance(value, str):
                texts.append(value)
            elif value is not None:
                integers.append(value)
            shape += (name, kind)
        shape.append(None)
    return FlatClaims(_form(tuple(shape)), (*texts, *tuples), tuple(integers), tuple(numbers))


def claims_of(flat: FlatClaims, shap: Pairs, attention: Pairs) -> tuple[Claim, ...]:
    """Put the claims of an entry together again; inverse of `flat_claims`."""
    form = _parsed(flat.form)
    singles = sum(kind == "text" for _, _, evidence in form for _, kind in evidence)
    values = {
        "text": iter(flat.texts[:singles]),
        "tuple": iter(flat.texts[singles:]),
        "integer": iter(flat.integers),
        "number": iter(flat.numbers),
    }
    known: dict[str, float | tuple[str, ...] | None] = {"none": None}
    known |= {f"shap_{place}": value for place, (_, value) in enumerate(shap, start=1)}
    items = tuple(item for item, _ in attention)
    known |= {f"attention_{place}": items[:place] for place in range(1, len(items) + 1)}
    return tuple(
        Claim(kind, verdict, {name: _taken(what, values, known) for name, what in evidence})
        for kind, verdict, evidence in form
    )


def _are_first(items: tuple[str, ...], attention: Pairs) -> bool:
    """Whether a tuple of texts is the first attended items, which the table keeps."""
    return 0 < len(items) <= len(ATTENTION_PLACES) and items == tuple(item for item, _ in attention[: len(items)])


def _taken(
    kind: str | int, values: Mapping[str, Iterator[Any]], known: Mapping[str, float | tuple[str, ...] | None]
) -> Any:
    """The next value of a kind; an integer is the length of a tuple of texts."""
    if isinstance(kind, int):
        return tuple(next(values["tuple"]) for _ in range(kind))
    return next(values[kind]) if kind in values else known[kind]


@lru_cache(maxsize=4096)
def _form(shape: tuple[object, ...]) -> str:
    """The form of claims given as kind, verdict, name, type or place, name, ..., None for each."""
    claims: list[object] = []
    parts = iter(shape)
    for kind in parts:
        verdict, evidence = next(parts), []
        while (name := next(parts)) is not None:
            found = next(parts)
            evidence.append((name, _KINDS[found] if isinstance(found, type) else found))
        claims.append((kind, verdict, evidence))
    return msgspec.json.encode(claims).decode()


@lru_cache(maxsize=4096)
def _parsed(form: str) -> _Form:
    return msgspec.json.decode(form, type=_Form)


def _values(row: Mapping[str, Any], stem: str, places: Sequence[int]) -> Iterator[Any]:
    found = (row[f"{stem}_{place}"] for place in places)
    return (value for value in found if value is not None)
