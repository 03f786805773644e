"""A random sample of the log investigated: do claims hold, how large are residuals, what is there to change?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.sample import SampledEntry
from streamrec_explain.errors import StreamRecError
from streamrec_explain.investigation.counterfactuals import Counterfactuals
from streamrec_explain.investigation.investigation import Investigation, Releases, investigate
from streamrec_explain.release.components import load_components
from streamrec_explain.replay import TrendSource
from streamrec_explain.statistics.intervals import Rate

_RELEASES_AT_ONCE = 2


class SampleInvestigation(msgspec.Struct, frozen=True, kw_only=True):
    """What investigating a sample gave; every rate has its denominator, residuals are the largest of all.

    `claims` hold when they are checked again, `split` says how often the session score's SHAP value could be split
    over events, `place` and `sentence` how often a searched change alters them; `smallest` counts the kinds of the
    smallest changes that alter the place. `refused` says which entries could not be investigated, and why.
    """

    investigated: int
    claims: Rate
    split: Rate
    place: Rate
    sentence: Rate
    smallest: Mapping[str, int]
    shap_residual: float
    removal_residual: float
    gradient_residual: float
    refused: Mapping[str, str]


def investigate_sample(
    log: AuditLog, sample: Sequence[SampledEntry], releases: Releases, trends: TrendSource
) -> SampleInvestigation:
    """Investigate every drawn entry with its own release; an entry that cannot be is told, not left out."""
    load = lru_cache(maxsize=_RELEASES_AT_ONCE)(load_components)
    found: list[Investigation] = []
    refused: dict[str, str] = {}
    for entry in sample:
        try:
            found.append(investigate(entry.explanation_id, log, releases, trends, load))
        except StreamRecError as error:
            refused[entry.explanation_id] = str(error)
    return summary_of(found, refused)


def summary_of(found: Sequence[Investigation], refused: Mapping[str, str]) -> SampleInvestigation:
    """The rates and the largest residuals of some investigations."""
    histories = [each.history for each in found if each.history is not None and each.history.events]
    searched = [each.counterfactuals for each in found if each.counterfactuals is not None]
    return SampleInvestigation(
        investigated=len(found),
        claims=_rate(claim.holds for each in found for claim in each.claims),
        split=_rate(history.split_basis is not None for history in histories),
        place=_rate(each.place is not None for each in searched),
        sentence=_rate(each.sentence is not None for each in searched),
        smallest=_smallest(searched),
        shap_residual=_largest(each.features.residual for each in found if each.features is not None),
        removal_residual=_largest(history.removal_residual for history in histories),
        gradient_residual=_largest(history.gradient_residual for history in histories),
        refused=refused,
    )


def _smallest(searched: Iterable[Counterfactuals]) -> dict[str, int]:
    kinds = Counter(each.place.change.kind for each in searched if each.place is not None)
    return dict(kinds.most_common())


def _rate(outcomes: Iterable[bool]) -> Rate:
    found = list(outcomes)
    return Rate(sum(found), len(found))


def _largest(residuals: Iterable[float | None]) -> float:
    return max((abs(each) for each in residuals if each is not None), default=0.0)
