"""The feature spec: which features there are, in which order, and what each one means to a person."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from streamrec_explain.errors import FeatureError
from streamrec_explain.hashing import canonical_json, digest

Group = Literal["user", "item", "cross"]
GROUPS: tuple[Group, ...] = get_args(Group)
LOCALES = ("en", "de", "ja")
SESSION_SCORE = "collaborative_similarity_score"


@dataclass(frozen=True)
class Feature:
    """One column of the re-ranker's input.

    `dtype` "category" holds codes (`Catalogue.category_names`), "float" a number. `missing` says what an
    unknown value is: NaN, or 0 where nothing seen means none. `history_derived`: it changes when an event is
    removed from the history at request time. `category`: it speaks about the item's category. `display` has
    a noun phrase per locale, neutral about direction ("because of ..."); German ones are feminine, neuter or
    plural, so that nominative and accusative read alike.
    """

    name: str
    group: Group
    dtype: Literal["float", "category"]
    missing: Literal["nan", "zero"]
    history_derived: bool
    category: bool
    display: Mapping[str, str]


@dataclass(frozen=True)
class FeatureSpec:
    """The ordered features of one version: users first, then items, then crosses."""

    version: int
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.features):
            raise FeatureError("feature spec: a name occurs twice; give every feature a name of its own")
        order = [GROUPS.index(feature.group) for feature in self.features]
        if order != sorted(order):
            raise FeatureError(f"feature spec: groups are out of order; expected {GROUPS}")
        for feature in self.features:
            if not set(LOCALES) <= set(feature.display):
                raise FeatureError(f"feature spec: {feature.name} lacks a display phrase in one of {LOCALES}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in column order."""
        return tuple(feature.name for feature in self.features)

    @cached_property
    def _index_of(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def __len__(self) -> int:
        """The number of features."""
        return len(self.features)

    def index(self, name: str) -> int:
        """The column of a feature; FeatureError if the spec has no such name."""
        return self._found(self._index_of, name)

    @cached_property
    def _names_of(self) -> dict[Group, tuple[str, ...]]:
        return {g: tuple(feature.name for feature in self.features if feature.group == g) for g in GROUPS}

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {name: place for names in self._names_of.values() for place, name in enumerate(names)}

    def of_group(self, group: Group) -> npt.NDArray[np.int64]:
        """The columns of a group, ascending."""
        return np.array([self.index(name) for name in self._names_of[group]], np.int64)

    def names_of(self, group: Group) -> tuple[str, ...]:
        """The names of a group in column order."""
        return self._names_of[group]

    def place(self, name: str) -> int:
        """The column of a feature within its group; FeatureError if the spec has no such name."""
        return self._found(self._place_of, name)

    def _found(self, columns: Mapping[str, int], name: str) -> int:
        if name not in columns:
            raise FeatureError(f"no feature {name!r} in feature spec version {self.version}")
        return columns[name]

    def missing(self, group: Group) -> npt.NDArray[np.float64]:
        """What the features of a group are when nothing is known: NaN or 0 each, float64 [n]."""
        rules = [feature.missing for feature in self.features if feature.group == group]
        return np.where(np.array(rules) == "nan", np.nan, 0.0)

    def to_json(self) -> str:
        """The spec as JSON text, readable by `from_json` and equal for equal specs."""
        return canonical_json(msgspec.to_builtins(self)).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> "FeatureSpec":
        """Read a spec; FeatureError says what is wrong and where."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FeatureError(f"feature spec: {error}") from error

    def digest(self) -> str:
        """SHA-256 of the spec's JSON."""
        return digest(self.to_json().encode())


DEFAULT_SPEC = FeatureSpec.from_json(
    resources.files("streamrec_explain.features").joinpath("default_spec.json").read_bytes()
)
