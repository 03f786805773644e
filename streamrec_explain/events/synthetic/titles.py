"""Believable English titles and creator names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

FIRST_NAMES: Final = (
    "Mara", "Jonas", "Aiko", "Devon", "Lucia", "Tomas", "Priya", "Owen", "Hana", "Felix", "Noor", "Greta",
    "Kenji", "Amara", "Pavel", "Sofia", "Ravi", "Elin", "Mateo", "Yuki", "Nadia", "Hugo", "Leila", "Caspar",
)  # fmt: skip
LAST_NAMES: Final = (
    "Quill", "Okafor", "Lindqvist", "Tanaka", "Moreau", "Vance", "Castillo", "Novak", "Harper", "Sato",
    "Bianchi", "Keller", "Adeyemi", "Larsen", "Mori", "Delgado", "Whitlock", "Petrov", "Iyer", "Fontaine",
)  # fmt: skip
STUDIO_WORDS: Final = (
    "Northlight", "Bluebird", "Lantern", "Fable", "Granite", "Paper Crane", "Tidewater", "Juniper", "Copperfield",
    "Redwood", "Halfmoon", "Saltbox", "Kestrel", "Foxglove", "Meridian", "Silverlake",
)  # fmt: skip
STUDIO_KINDS: Final = ("Pictures", "Studios", "Media", "Films", "Productions", "Channel", "Originals", "Collective")


@dataclass(frozen=True)
class Vocabulary:
    """What the titles of one category are made of; `minutes` is its usual duration."""

    serial: bool
    minutes: int
    first: tuple[str, ...]
    second: tuple[str, ...]
    subjects: tuple[str, ...]

    def line_name(self, number: int) -> str:
        """The name of the category's line of this number; every number has its own name."""
        names = len(self.first) * len(self.second)
        first = number % len(self.first)
        second = (number // len(self.first) + 5 * number) % len(self.second)
        name = f"{self.first[first]} {self.second[second]}"
        return name if number < names else f"{name} {number // names + 1}"


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """The vocabulary of each category, in the order of the file."""
    text = files(__package__).joinpath("vocabulary.json").read_text(encoding="utf-8")
    return {name: _vocabulary(entry) for name, entry in json.loads(text).items()}


def _vocabulary(entry: dict[str, str | int | bool]) -> Vocabulary:
    words = {key: tuple(str(entry[key]).split("|")) for key in ("first", "second", "subjects")}
    return Vocabulary(serial=bool(entry["serial"]), minutes=int(entry["minutes"]), **words)


def item_titles(vocabulary: Vocabulary, line_name: str, size: int, rng: np.random.Generator) -> list[str]:
    """The titles of a line's items in order: episodes of a series, or parts of a collection."""
    subjects = [vocabulary.subjects[index] for index in rng.permutation(len(vocabulary.subjects))[:size]]
    if not vocabulary.serial:
        return [f"{line_name}: {subject}" for subject in subjects]
    season_length = int(rng.integers(6, 11))
    return [
        f"{line_name} S{episode // season_length + 1}:E{episode % season_length + 1} “{subject}”"
        for episode, subject in enumerate(subjects)
    ]


def creator_name(number: int) -> str:
    """The name of a creator: studios and persons in turn; every number has its own name."""
    pools = (STUDIO_WORDS, STUDIO_KINDS) if number % 2 else (FIRST_NAMES, LAST_NAMES)
    index, names = number // 2, len(pools[0]) * len(pools[1])
    first = index % len(pools[0])
    second = (index // len(pools[0]) + 3 * index) % len(pools[1])
    name = f"{pools[0][first]} {pools[1][second]}"
    return name if index < names else f"{name} {index // names + 1}"
