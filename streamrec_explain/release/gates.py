"""Gates: the numbers a release must reach before it may be promoted, and the verdict on each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import isnan
from typing import Literal, get_args

import msgspec

from streamrec_explain.errors import GateError, InvalidInputError

GATES_FILE = "gates.json"
Gate = Literal[
    "data_contract",
    "leakage",
    "explainer_conformance",
    "ranking_vs_baselines",
    "ranking_vs_champion",
    "faithfulness",
]
GATES: tuple[Gate, ...] = get_args(Gate)
RULES = {
    "at_most": lambda value, limit: value <= limit,
    "at_least": lambda value, limit: value >= limit,
    "above": lambda value, limit: value > limit,
}
_CHAMPION_TAG = "gates.champion"
_NO_CHAMPION = "none"


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bound of a gate: its value must be `rule` the `limit`; `measures` says in words what the value is."""

    rule: Literal["at_most", "at_least", "above"]
    limit: float
    measures: str

    def holds(self, value: float) -> bool:
        """Whether a value is within the bound; NaN never is."""
        return not isnan(value) and RULES[self.rule](value, self.limit)

    def __str__(self) -> str:
        return f"{self.rule.replace('_', ' ')} {self.limit:g}"


class GateResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict of one gate; `value` is None where there was nothing to compare with."""

    gate: Gate
    value: float | None
    bound: Bound
    passed: bool
    detail: str


@dataclass(frozen=True)
class GateRecord:
    """The verdicts kept on a registered version, and the champion it was compared with (None: there was none)."""

    results: tuple[GateResult, ...]
    champion: int | None


class GateBounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bounds of every gate: a versioned file inside the bundle, so that no launch can lower them."""

    version: str
    bounds: Mapping[Gate, Bound]

    def __post_init__(self) -> None:
        missing = [gate for gate in GATES if gate not in self.bounds]
        if missing:
            raise ValueError(f"no bound for the gates {missing}")

    @classmethod
    def packaged(cls) -> "GateBounds":
        """The bounds that come with this package."""
        return cls.from_json(files("streamrec_explain.release").joinpath("gate_bounds.json").read_bytes())

    @classmethod
    def from_json(cls, data: bytes) -> "GateBounds":
        """Read bounds; InvalidInputError says what is wrong."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise InvalidInputError(f"gate bounds: {error}") from error

    def to_json(self) -> bytes:
        """Indented JSON, the same bytes for the same bounds."""
        return msgspec.json.format(msgspec.json.encode(self, order="sorted"), indent=2)

    def judge(self, gate: Gate, value: float, detail: str = "") -> GateResult:
        """The verdict on a measured value; `detail` says how it was measured, with interval and n."""
        bound = self.bounds[gate]
        return GateResult(gate, None if isnan(value) else value, bound, bound.holds(value), detail or bound.measures)

    def first_release(self) -> GateResult:
        """The verdict on ranking against the champion while there is none: passed, without a value."""
        return self.incomparable("there is no champion to compare with")

    def incomparable(self, why: str) -> GateResult:
        """The verdict on ranking against a champion that cannot rank the same events: passed, without a value."""
        return GateResult("ranking_vs_champion", None, self.bounds["ranking_vs_champion"], True, why)


def refusals(bounds: GateBounds, results: Iterable[GateResult]) -> list[str]:
    """Why a release with these verdicts may not be promoted, one line per gate; empty if it may.

    A gate without a verdict, or judged by another bound than the bundle's, refuses like a failed one.
    """
    by_gate = {result.gate: result for result in results}
    lines = (_refusal(gate, bounds.bounds[gate], by_gate.get(gate)) for gate in GATES)
    return [line for line in lines if line]


def _refusal(gate: Gate, bound: Bound, result: GateResult | None) -> str:
    if result is None:
        return f"{gate}: not evaluated on this version"
    if result.bound != bound:
        return f"{gate}: judged by {result.bound}, the bundle says {bound}"
    if not result.passed:
        return f"{gate}: {result.value} is not {bound} ({result.detail})"
    return ""


def gate_tags(results: Iterable[GateResult], champion: int | None) -> dict[str, str]:
    """The tags that keep verdicts on a registered version: a word for people, and the whole result as JSON."""
    tags = {_CHAMPION_TAG: _NO_CHAMPION if champion is None else str(champion)}
    for result in results:
        tags[f"gate.{result.gate}"] = "passed" if result.passed else "failed"
        tags[f"gate.{result.gate}.result"] = msgspec.json.encode(result).decode()
    return tags


def gate_record(tags: Mapping[str, str]) -> GateRecord:
    """Read the verdicts back from a version's tags; one counts as passed only where both of its tags say so.

    GateError if a result cannot be read.
    """
    kept = [gate for gate in GATES if {f"gate.{gate}", f"gate.{gate}.result"} <= tags.keys()]
    champion = tags.get(_CHAMPION_TAG, _NO_CHAMPION)
    results = tuple(_kept_result(tags[f"gate.{gate}"], tags[f"gate.{gate}.result"]) for gate in kept)
    return GateRecord(results, None if champion == _NO_CHAMPION else int(champion))


def _kept_result(word: str, text: str) -> GateResult:
    try:
        result = msgspec.json.decode(text, type=GateResult)
    except msgspec.MsgspecError as error:
        raise GateError(f"a kept gate result is unreadable ({error}); evaluate the gates again") from error
    return msgspec.structs.replace(result, passed=result.passed and word == "passed")
