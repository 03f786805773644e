"""Feature values of a request: names checked, missing values put in, infinity refused."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite, isinf
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import RequestError
from streamrec_explain.features.spec import FeatureSpec, Group


def group_matrix(
    spec: FeatureSpec, group: Group, rows: Sequence[Mapping[str, float]], fields: Sequence[str]
) -> NDArray[np.float64]:
    """Values of one group, a row per mapping, in the order of the spec: float64 [n, n of group].

    What is absent or NaN is missing and follows the feature's rule (NaN or 0). RequestError, naming the place
    below the row's field, for infinity and for names that are not in the group.
    """
    names = spec.names_of(group)
    in_order = itemgetter(*names)
    values = np.array([_row(row, names, in_order) for row in rows], dtype=np.float64).reshape(-1, len(names))
    finite = np.isfinite(values)
    if finite.all() and all(len(row) == len(names) for row in rows):
        return values
    for row, field in zip(rows, fields, strict=True):
        check_finite(row, field)
        _check_names(spec, group, row, field)
    return np.where(finite, values, spec.missing(group))


def check_finite(values: Mapping[str, float], field: str) -> None:
    """RequestError naming the first infinite value; NaN is allowed and means missing."""
    if any(map(isinf, values.values())):
        place = next(f"{field}.{name}" for name, value in values.items() if isinf(value))
        raise RequestError(f"{place} is infinite; leave it out if it is unknown", place)


def check_number(value: float, field: str) -> None:
    """RequestError unless the number is finite."""
    if not isfinite(value):
        raise RequestError(f"{field} is {value}; it must be a finite number", field)


def _row(
    values: Mapping[str, float], names: Sequence[str], in_order: Callable[[Mapping[str, float]], Any]
) -> Sequence[float]:
    # Complete rows, the usual case, are read in one call.
    try:
        row: tuple[float, ...] = in_order(values)
        return row
    except KeyError:
        return tuple(values.get(name, np.nan) for name in names)


def _check_names(spec: FeatureSpec, group: Group, values: Mapping[str, float], field: str) -> None:
    unknown = values.keys() - set(spec.names_of(group))
    if unknown:
        place = f"{field}.{min(unknown)}"
        raise RequestError(f"{place} is no {group} feature of spec version {spec.version}", place)
