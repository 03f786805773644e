"""Investigations: everything there is to say about one logged explanation, each number found again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from streamrec_explain.audit_log.questions.lookup import AuditLog, FoundEntry
from streamrec_explain.errors import SnapshotNotFoundError
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.features.snapshots import TrendSnapshot
from streamrec_explain.features.spec import SESSION_SCORE
from streamrec_explain.investigation.claim_checks import ClaimCheck, check_claims
from streamrec_explain.investigation.counterfactuals import Counterfactuals, find_counterfactuals
from streamrec_explain.investigation.features import FeatureAttribution, attribute_features
from streamrec_explain.investigation.history import HistoryAttribution, attribute_history, by_gradients_alone
from streamrec_explain.investigation.restored import Restored, restore
from streamrec_explain.records import Control, Promotion
from streamrec_explain.release.components import load_components
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registry_reader import RegistryReader
from streamrec_explain.replay import TrendSource
from streamrec_explain.trace import Trace, trace

Profile = Literal["full", "regulatory"]


class Releases(Protocol):
    """Where verified releases come from (`release.source.ReleaseSource`)."""

    registry: RegistryReader

    def folder(self, release: ModelVersion) -> Path:
        """The verified folder of a release; ReleaseError names the file that was changed, or says it is gone."""


class Load(Protocol):
    """How a verified folder becomes an engine's components."""

    def __call__(self, folder: Path) -> EngineBundle:
        """The components in a folder."""


class Investigation(msgspec.Struct, frozen=True, kw_only=True):
    """One explanation investigated: its trace, what was said, and the attributions behind it.

    The replayed entry has the logged bytes (`entry_sha256`). `score_difference` is the recomputed raw score minus
    the caller's. `titles` are, by item id, those of list and history that may be said; `place` is 1 at the top of
    the `list_items`. `features`, `history` and `counterfactuals` are None where there is nothing to compute them
    from; `notes` say why, and `trace.unresolved` which links of the trace are broken.
    """

    profile: Profile
    trace: Trace
    titles: Mapping[str, str]
    text: str
    place: int
    list_items: int
    promotion: Promotion | None
    controls: tuple[Control, ...]
    entry_sha256: str
    score_difference: float | None
    features: FeatureAttribution | None
    history: HistoryAttribution | None
    claims: tuple[ClaimCheck, ...]
    counterfactuals: Counterfactuals | None
    notes: tuple[str, ...]

    def to_json(self) -> bytes:
        """The investigation as JSON; NaN is null."""
        return msgspec.json.encode(self)


def investigate(
    explanation_id: str, log: AuditLog, releases: Releases, trends: TrendSource, load: Load = load_components
) -> Investigation:
    """Investigate an explanation of any tier with the release that made it.

    `trends` gives kept trend snapshots by digest (`features.trend_archive`). EntryNotFoundError if no tier has the
    entry, ReleaseError or RegistryUnavailableError if its release cannot be had unchanged, SnapshotNotFoundError if
    the entry refers to a snapshot that is gone, ReplayMismatchError if the release says something else now.
    """
    found = log.find_entry(explanation_id)
    bundle = load(releases.folder(ModelVersion.parse(found.request.model_version)))
    traced = trace(explanation_id, log, releases.folder, releases.registry)
    return investigation_of(found, traced, bundle, trends)


def investigation_of(
    found: FoundEntry, traced: Trace, bundle: EngineBundle, trends: TrendSource | None = None
) -> Investigation:
    """Investigate an entry with the components of its release; errors as `investigate` tells."""
    restored = restore(found, bundle, trends)
    features = None if restored.scored is None else attribute_features(bundle, restored.scored)
    history = None if features is None else attribute_history(restored, features.shap(SESSION_SCORE))
    counterfactuals = None if history is None else find_counterfactuals(restored, history, _kept(trends, found))
    said = restored.replayed.explanation
    return Investigation(
        profile="full",
        trace=traced,
        titles=restored.titles,
        text=said.text,
        place=1 + sum(item.position < said.position for item in restored.context.items),
        list_items=len(restored.context.items),
        promotion=restored.item.promotion,
        controls=said.controls,
        entry_sha256=restored.replayed.replayed_sha256,
        score_difference=None if features is None else features.raw_score - restored.item.reranking_score,
        features=features,
        history=history,
        claims=check_claims(restored, features, history),
        counterfactuals=counterfactuals if isinstance(counterfactuals, Counterfactuals) else None,
        notes=tuple(_notes(restored, history, counterfactuals)),
    )


def _kept(trends: TrendSource | None, found: FoundEntry) -> TrendSnapshot | None:
    """The snapshot the list was made with; None where it is gone, which an entry with its own values outlives."""
    try:
        return trends(found.request.trend_digest) if trends and found.request.trend_digest else None
    except SnapshotNotFoundError:
        return None


def regulatory(found: Investigation) -> Investigation:
    """The same investigation told by TreeSHAP and integrated gradients only, never by attention."""
    history = None if found.history is None else by_gradients_alone(found.history)
    plain = msgspec.structs.replace(found.trace, attention_top_2=())
    return msgspec.structs.replace(found, profile="regulatory", trace=plain, history=history)


def _notes(
    restored: Restored, history: HistoryAttribution | None, counterfactuals: Counterfactuals | str | None
) -> list[str]:
    if restored.scored is None or history is None:
        return [
            f"the release's catalogue does not have {restored.item.item_id}: no model scored it, so there is nothing "
            "to attribute; the generic sentence claims nothing"
        ]
    notes = []
    difference = float(restored.scored.raw_scores[0]) - restored.item.reranking_score
    if abs(difference) > restored.bundle.thresholds.score_tolerance:
        notes.append(
            f"the logged score differs by {difference:+.6g} from the one this release computes: the attributions are "
            "of the computed score, and the sentence said nothing about the logged one"
        )
    if not history.events:
        notes.append("no event of a known item lies within the session model's horizon: there is no history to name")
    if history.events and all(event.gradient is None for event in history.events):
        residual = history.gradient_residual
        why = "no torch form of the model is known" if residual is None else f"their residual is {residual:.1%}"
        notes.append(f"integrated gradients are not told: {why}")
    if history.events and history.split_basis is None:
        notes.append("the session score's SHAP value is not split over events: they cancel out or point the other way")
    if isinstance(counterfactuals, str):
        notes.append(f"no counterfactual was searched: {counterfactuals}")
    return notes
