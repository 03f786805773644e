"""Feature values of a request: names checked, missing values put in, infinity refused."""

from collections.abc import Mapping
from math import isinf, isnan

import numpy as np
from numpy.typing import NDArray

from streamrec_explain.errors import RequestError
from streamrec_explain.features.spec import FeatureSpec, Group


def group_values(
    spec: FeatureSpec, group: Group, values: Mapping[str, float], field: str
) -> NDArray[np.float64]:
    """Values of one group in the order of the spec, float64 [n of group].

    What is absent or NaN is missing and follows the feature's rule (NaN or 0). RequestError, naming the place
    below `field`, for infinity and for names that are not in the group.
    """
    names = spec.names_of(group)
    row = np.array([values.get(name, np.nan) for name in names], dtype=np.float64)
    finite = np.isfinite(row)
    if finite.all() and len(values) == len(names):
        return row
    check_finite(values, field)
    unknown = values.keys() - set(names)
    if unknown:
        place = f"{field}.{min(unknown)}"
        raise RequestError(f"{place} is no {group} feature of spec version {spec.version}", place)
    return np.where(finite, row, spec.missing(group))


def check_finite(values: Mapping[str, float], field: str) -> None:
    """RequestError naming the first infinite value; NaN is allowed and means missing."""
    for name, value in values.items():
        if isinf(value):
            place = f"{field}.{name}"
            raise RequestError(f"{place} is infinite; leave it out if it is unknown", place)


def check_number(value: float, field: str) -> None:
    """RequestError unless the number is finite."""
    if isinf(value) or isnan(value):
        raise RequestError(f"{field} is {value}; it must be a finite number", field)
