"""Policies: which of an item's claims becomes its sentence."""

from collections.abc import Callable

from streamrec_explain.explanation import claims
from streamrec_explain.explanation.claims import Case
from streamrec_explain.explanation.components import EngineBundle, PolicyName
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.signals import signals_of
from streamrec_explain.records import Claim

Policy = Callable[[EngineBundle, ItemNames, Case], Claim | None]


def honest(bundle: EngineBundle, names: ItemNames, case: Case) -> Claim | None:
    """The first claim that holds, the most specific first; None where none does."""
    claim = claims.watch_history(bundle, names, case)
    if not claim.verdict:
        claim = claims.category_match(bundle, names, case)
    if not claim.verdict:
        claim = claims.trending(bundle, case)
    if not claim.verdict:
        claim = claims.personalized(bundle, case)
    return claim if claim.verdict else None


def case_study(bundle: EngineBundle, names: ItemNames, case: Case) -> Claim:
    """The case study's thresholds and priority, for comparison; a claim may be false, as its verdict says."""
    bounds, signals = bundle.thresholds, signals_of(bundle, names, case.item, case.found, case.region)
    if sum(share for _, share in signals.attention_top_items[:2]) > bounds.case_attention:
        return _most_attended(bundle, names, case)
    if signals.shap_dominant_category and signals.attention_category_match > bounds.case_category:
        return claims.category_match(bundle, names, case)
    if signals.item_is_trending or signals.item_popularity_percentile > bounds.case_percentile:
        return claims.trending(bundle, case)
    return claims.personalized(bundle, case)


POLICIES: dict[PolicyName, Policy] = {"honest": honest, "case_study": case_study}


def _most_attended(bundle: EngineBundle, names: ItemNames, case: Case) -> Claim:
    """Name the two most attended items; true only if they are the ones an honest claim would name."""
    found = case.found
    pairs = zip(found.attended, found.attended_contributions, strict=True)
    chosen = [(code, value) for (code, share), value in pairs if share][:2]
    true = claims.watch_history(bundle, names, case)
    margin = bundle.thresholds.history_margin
    claim = claims.named_history(bundle, case, chosen, margin, holds=False)
    return true if true.verdict and _names_the_same(claim, true) else claim


def _names_the_same(left: Claim, right: Claim) -> bool:
    named, other = left.evidence["items"], right.evidence["items"]
    return isinstance(named, tuple) and isinstance(other, tuple) and set(named) == set(other)
