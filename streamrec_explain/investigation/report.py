"""Reports: an investigation as one self-contained page, for the person concerned or, in full, for an auditor."""

from pathlib import Path
from typing import Any

import msgspec

from streamrec_explain.features.spec import GROUPS, SESSION_SCORE
from streamrec_explain.investigation.features import FeatureReason
from streamrec_explain.investigation.history import effect_of
from streamrec_explain.investigation.investigation import Investigation
from streamrec_explain.investigation.pictures import SHOWN_ITEMS, pictures
from streamrec_explain.investigation.sentences import condition_of, said_title, verdict_of, what_if
from streamrec_explain.investigation.wording import Wording, wording
from streamrec_explain.pages.rendering import page

_TEMPLATE = Path(__file__).parent / "report.html"
NAMED_REASONS = 4
NAMED_FACTS = 3


def report_page(found: Investigation, locale: str = "") -> str:
    """The page of an investigation in a locale, that of the explanation where none is given."""
    words = wording(locale or found.trace.locale)
    title = words.say(f"title.{found.profile}", explanation_id=found.trace.explanation_id)
    return page(
        _TEMPLATE,
        title,
        lang=words.locale,
        say=words.say,
        words=words,
        found=found,
        full=found.profile == "full",
        charts=pictures(found, words),
        subtitle=_subtitle(found, words),
        procedure=_procedure(found, words),
        reasons=_reasons(found, words),
        history=_history(found, words),
        what_if=what_if(found, words),
        verdict=verdict_of(found.claims, words),
        conditions=[(each.holds, condition_of(each, words)) for claim in found.claims for each in claim.conditions],
        used=_used(found, words),
        record=_record(found, words),
        evidence=lambda value: msgspec.json.encode(value).decode(),
    )


def _subtitle(found: Investigation, words: Wording) -> str:
    title = said_title(found.trace.item_id, found, words)
    when = words.moment(found.trace.timestamp_ms)
    return words.say("subtitle", title=title, place=found.place, items=found.list_items, when=when)


def _procedure(found: Investigation, words: Wording) -> list[str]:
    """What was really done, step by step."""
    when, region = words.moment(found.trace.timestamp_ms), found.trace.region
    steps = [words.say("procedure.list", when=when, items=found.list_items, region=region)]
    if found.features is None or found.history is None:
        return [*steps, words.say("procedure.unknown")]
    events = len(found.history.events)
    steps.append(words.say("procedure.history", events=events) if events else words.say("procedure.no_history"))
    counts = {group: sum(reason.group == group for reason in found.features.reasons) for group in GROUPS}
    steps.append(words.say("procedure.facts", facts=len(found.features.reasons), **counts))
    if found.promotion is not None and found.promotion.boost:
        boost = words.change(found.promotion.boost)
        steps.append(words.say("procedure.boosted", sponsor=found.promotion.sponsor, boost=boost))
    else:
        steps.append(words.say("procedure.sorted"))
    if "score_mismatch" in found.trace.flags and found.score_difference is not None:
        difference = words.signed(found.score_difference)
        return [*steps, words.say("procedure.mismatch", difference=difference)]
    return [*steps, words.say(_choosing(found))]


def _choosing(found: Investigation) -> str:
    """How the sentence was chosen: only the honest policy checks a claim before it is made."""
    if found.trace.policy != "honest":
        return "procedure.unchecked"
    return "procedure.sentence" if found.claims else "procedure.generic"


def _reasons(found: Investigation, words: Wording) -> dict[str, Any]:
    """The strongest reasons either way, and what each kind of fact did."""
    if found.features is None:
        return {}
    ranked = found.features.ranked
    up = [_reason(reason, words) for reason in ranked if reason.shap > 0][:NAMED_REASONS]
    down = [_reason(reason, words) for reason in ranked if reason.shap < 0][:NAMED_REASONS]
    sums = {group: sum(reason.shap for reason in ranked if reason.group == group) for group in GROUPS}
    groups = words.say("reasons.groups", **{group: words.change(value) for group, value in sums.items()})
    return {"up": up, "down": down, "groups": groups}


def _reason(reason: FeatureReason, words: Wording) -> tuple[str, str]:
    label = f": {reason.label}" if reason.label else ""
    return reason.display[words.locale] + label, words.change(reason.shap)


def _history(found: Investigation, words: Wording) -> dict[str, Any]:
    """What the history did: a text that says how it was found, and a table of the strongest titles."""
    history, features = found.history, found.features
    if history is None or features is None or not history.events:
        return {"texts": [words.say("history.none")], "rows": []}
    if found.profile == "regulatory" and all(event.gradient is None for event in history.events):
        missed = history.gradient_residual
        residual = "?" if missed is None else f"{words.number(100 * missed)}%"
        return {"texts": [words.say("history.rejected", residual=residual)], "rows": []}
    phrase = next(reason for reason in features.reasons if reason.name == SESSION_SCORE).display[words.locale]
    texts = [
        words.say("history.gradients" if found.profile == "regulatory" else "history.removal"),
        words.say("history.similarity", phrase=phrase, shap=words.change(history.split_total)),
        words.say("history.split" if history.split_basis else "history.no_split"),
    ]
    rows = [
        (
            said_title(item.item_id, found, words),
            words.signed(effect_of(item)),
            "" if item.shap_split is None else words.signed(item.shap_split, 3),
        )
        for item in history.ranked[:SHOWN_ITEMS]
    ]
    return {"texts": texts, "rows": rows}


def _used(found: Investigation, words: Wording) -> list[str]:
    """What of the person went in, as the log has it."""
    trace = found.trace
    used = [words.say("used.history", events=len(trace.history))]
    if found.features is not None:
        known = [reason for reason in found.features.ranked if reason.group == "user" and reason.value is not None]
        examples = "; ".join(reason.display[words.locale] for reason in known[:NAMED_FACTS])
        if known:
            used.append(words.say("used.profile", known=len(known), examples=examples))
    return [*used, words.say("used.request", region=trace.region, locale=trace.locale)]


def _record(found: Investigation, words: Wording) -> list[tuple[str, str]]:
    """What proves the page, for whoever checks it."""
    trace, say = found.trace, words.say
    features = "–" if found.features is None else f"{found.features.residual:.1e}"
    residual = None if found.history is None else found.history.gradient_residual
    gradients = "–" if residual is None else f"{residual:.1e}"
    return [
        (say("record.explanation"), trace.explanation_id),
        (say("record.when"), f"{words.moment(trace.timestamp_ms)} UTC"),
        (say("record.release"), trace.release.model_version if trace.release else "–"),
        (say("record.digest"), trace.release.digest if trace.release else "–"),
        (say("record.entry"), found.entry_sha256),
        (say("record.text"), trace.explanation_text_hash),
        (say("record.method"), say(f"record.method.{found.profile}")),
        (say("record.residual"), say("record.residuals", features=features, gradients=gradients)),
    ]
