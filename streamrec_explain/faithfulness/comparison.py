"""Comparison of two releases: which sentences would change for the same people, items and moment."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import candidates_in, rank_list
from streamrec_explain.faithfulness.report import MeasuredRate
from streamrec_explain.faithfulness.sampling import Moment, sample_lists
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.records import Explanation, ListContext
from streamrec_explain.statistics.clustered import ClusteredSample

EXAMPLES_OF_A_CHANGE = 3


@dataclass(frozen=True)
class NamedRelease:
    """A release by its model version, with its components."""

    model_version: str
    bundle: EngineBundle


class Sentence(msgspec.Struct, frozen=True):
    """What one release says of an item: type and text."""

    explanation_type: str
    text: str


class Example(msgspec.Struct, frozen=True):
    """One item, of nobody's in particular, and what each release says of it."""

    item_id: str
    before: Sentence
    after: Sentence


class TypeChange(msgspec.Struct, frozen=True):
    """How many explanations go from one type to another (or stay), and how many of them change their text."""

    before: str
    after: str
    n: int
    other_text: int


class ReleaseComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The explanations of the same items in the same contexts by the release `before` and the release `after`.

    `left_out` counts listed items that `before` does not know; `shares_*` are the types' shares. The rates' intervals
    count explanations of one user as alike as they turn out to be.
    """

    before: str
    after: str
    n_lists: int
    left_out: int
    other_type: MeasuredRate
    other_text: MeasuredRate
    shares_before: Mapping[str, float]
    shares_after: Mapping[str, float]
    changes: tuple[TypeChange, ...]
    examples: tuple[Example, ...]

    def to_json(self) -> bytes:
        """Indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2)


def compare(
    before: NamedRelease, after: NamedRelease, moment: Moment, users: NDArray[np.int64], seed: int
) -> ReleaseComparison:
    """Explain one list of each user with both releases.

    `after` chooses the items; each release explains the list as it would itself have ranked those items, from the same
    history, user features and trends. FeatureError or RequestError if `before` reads other features than there are.
    """
    trends = moment.trends.aligned_to(before.bundle.catalogue)
    engines = [ExplanationEngine(release.bundle) for release in (before, after)]
    pairs: list[tuple[int, Example]] = []
    left_out = 0
    for user, listed in zip(users.tolist(), sample_lists(after.bundle, moment, users, seed), strict=True):
        relisted = _as_ranked_by(before.bundle, trends, listed)
        left_out += len(listed.items) - len(relisted.items)
        said, would_say = (
            {each.item_id: each for each in engine.explain_list(context).explanations}
            for engine, context in zip(engines, (relisted, listed), strict=True)
        )
        pairs += [(user, _example(said[item], would_say[item])) for item in would_say if item in said]
    return _counted(before.model_version, after.model_version, len(users), left_out, pairs)


def _as_ranked_by(bundle: EngineBundle, trends: TrendSnapshot, listed: ListContext) -> ListContext:
    """The same list with the features, scores and order of another release, without items it does not know."""
    ids = [item.item_id for item in listed.items]
    known = [item for item, code in zip(ids, bundle.catalogue.codes(ids).tolist(), strict=True) if code >= 0]
    boosts = {item.item_id: item.promotion for item in listed.items if item.promotion}
    candidates = candidates_in(trends, bundle, known, listed.region, boosts)
    ranked = rank_list(bundle, listed.session_history, listed.user_features, candidates, listed.timestamp_ms)
    return msgspec.structs.replace(listed, items=ranked)


def _example(before: Explanation, after: Explanation) -> Example:
    said, would_say = (Sentence(each.explanation_type, each.text) for each in (before, after))
    return Example(after.item_id, said, would_say)


def _counted(
    before: str, after: str, n_lists: int, left_out: int, pairs: Sequence[tuple[int, Example]]
) -> ReleaseComparison:
    sample = ClusteredSample.of(np.ones(len(pairs)), [user for user, _ in pairs])
    examples = [example for _, example in pairs]
    types = Counter((each.before.explanation_type, each.after.explanation_type) for each in examples)
    texts = Counter(
        (each.before.explanation_type, each.after.explanation_type) for each in examples if _differ(each)
    )
    return ReleaseComparison(
        before=before,
        after=after,
        n_lists=n_lists,
        left_out=left_out,
        other_type=MeasuredRate.weighted(
            [each.before.explanation_type != each.after.explanation_type for each in examples], sample
        ),
        other_text=MeasuredRate.weighted([_differ(each) for each in examples], sample),
        shares_before=_shares([each.before for each in examples]),
        shares_after=_shares([each.after for each in examples]),
        changes=tuple(TypeChange(*kinds, count, texts[kinds]) for kinds, count in types.most_common()),
        examples=tuple(_of_each_change(examples)),
    )


def _differ(example: Example) -> bool:
    return example.before.text != example.after.text


def _shares(sentences: Sequence[Sentence]) -> dict[str, float]:
    counts = Counter(sentence.explanation_type for sentence in sentences)
    return {kind: count / len(sentences) for kind, count in counts.most_common()}


def _of_each_change(examples: Sequence[Example]) -> Iterator[Example]:
    """The first few of every kind of change, the most frequent kind first."""
    by_kind: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for each in filter(_differ, examples):
        by_kind[each.before.explanation_type, each.after.explanation_type].append(each)
    for found in sorted(by_kind.values(), key=len, reverse=True):
        yield from found[:EXAMPLES_OF_A_CHANGE]
