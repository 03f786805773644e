"""Short rankings, such as the strongest features of an entry with their SHAP values, as columns, and back."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from streamrec_explain.audit_log.table import arrow_columns as arrow
from streamrec_explain.audit_log.table.precision import Floats, kept

Pairs = Sequence[tuple[str, float]]


class Rankings(NamedTuple):
    """The rankings of n entries, one after the other: their labels and numbers, and how long each is, int64 [n]."""

    labels: list[str]
    numbers: Floats
    lengths: arrow.Places

    @classmethod
    def of(cls, rankings: Sequence[Pairs]) -> "Rankings":
        """Lay the rankings of n entries one after the other."""
        flat: list[Any] = list(chain.from_iterable(chain.from_iterable(rankings)))
        return cls(flat[::2], np.array(flat[1::2], np.float64), arrow.lengths(rankings))

    @property
    def starts(self) -> arrow.Places:
        """Where each ranking begins, int64 [n]."""
        starts: arrow.Places = np.cumsum(self.lengths) - self.lengths
        return starts

    def numbers_at(self, place: int) -> Floats:
        """The number at a place (from 1 on) of each ranking, float64 [n]; NaN where it is shorter."""
        return np.append(self.numbers, np.nan)[arrow.places_in(self.lengths, place)]

    def columns(self, stem: str, label: str, number: str, places: Sequence[int]) -> dict[str, pa.Array]:
        """The columns `stem_1_label`, `stem_1_number`, ...; what is beyond the places is left out."""
        labels, numbers = arrow.CodedTexts.of(self.labels), kept(self.numbers)
        columns = {}
        for place in places:
            found = arrow.places_in(self.lengths, place)
            columns[f"{stem}_{place}_{label}"] = labels.at(found)
            columns[f"{stem}_{place}_{number}"] = arrow.numbers_at(numbers, found)
        return columns


def ranking_of(
    row: Mapping[str, Any], stem: str, label: str, number: str, places: Sequence[int]
) -> tuple[tuple[str, float], ...]:
    """The ranking of a table row given as a dict by column."""
    found = ((row[f"{stem}_{place}_{label}"], row[f"{stem}_{place}_{number}"]) for place in places)
    return tuple((name, value) for name, value in found if name is not None)
