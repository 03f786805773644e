"""Sentences of a report: what changes would have done and what a claim was checked for, in plain words."""

from streamrec_explain.investigation.changes import Change
from streamrec_explain.investigation.claim_checks import ClaimCheck, Condition
from streamrec_explain.investigation.counterfactuals import Counterfactual, Counterfactuals
from streamrec_explain.investigation.investigation import Investigation
from streamrec_explain.investigation.wording import Wording

_COUNTED = {"watched_in_category", "trend_count", "trend_rank", "place_differs"}


def what_if(found: Investigation, words: Wording) -> list[str]:
    """The smallest changes that alter place and sentence, each as a sentence; and what no change does."""
    searched = found.counterfactuals
    if searched is None:
        return [words.say("what_if.unscored" if found.features is None else "what_if.not_made")]
    smallest = [each for each in (searched.place, searched.sentence) if each is not None]
    said = [_sentence(each, searched, found, words) for each in smallest]
    if not said:
        return [words.say("what_if.none", tried=searched.tried)]
    missing = {"what_if.no_place": searched.place, "what_if.no_sentence": searched.sentence}
    said += [words.say(key, tried=searched.tried) for key, each in missing.items() if each is None]
    return list(dict.fromkeys(said))  # one change may alter both


def changed_input(change: Change, found: Investigation, words: Wording) -> str:
    """A change of input as the first half of a sentence."""
    names = [said_title(item_id, found, words) for item_id in change.items]
    return words.say(
        f"change.{change.kind}",
        sponsor=found.promotion.sponsor if found.promotion else "",
        first=names[0] if names else "",
        second=names[-1] if names else "",
        market=change.market,
        region=found.trace.region,
        phrase=_phrase(change.feature, found, words),
        other=said_title(change.like_item, found, words) if change.like_item else "",
        new="" if change.new is None else words.plain(change.new),
        old="?" if change.old is None else words.plain(change.old),
    )


def condition_of(condition: Condition, words: Wording) -> str:
    """A condition of a claim with its numbers."""
    value, bound = (_number(condition.name, each, words) for each in (condition.value, condition.bound))
    return words.say(f"condition.{condition.name}", value=value, bound=bound)


def verdict_of(claims: tuple[ClaimCheck, ...], words: Wording) -> str:
    """Whether the sentence is true, in words."""
    if not claims:
        return words.say("claims.none")
    return words.say("claims.true" if all(claim.holds for claim in claims) else "claims.false")


def said_title(item_id: str, found: Investigation, words: Wording) -> str:
    """An item's quoted title; its id where the title may not be said."""
    return words.quotes.around(found.titles.get(item_id, item_id))


def _sentence(each: Counterfactual, searched: Counterfactuals, found: Investigation, words: Wording) -> str:
    outcomes = []
    if each.outcome.place != searched.before.place:
        outcomes.append(words.say("what_if.place", before=searched.before.place, after=each.outcome.place))
    if each.outcome.text != searched.before.text:
        outcomes.append(words.say("what_if.sentence", text=words.quotes.around(each.outcome.text)))
    outcome = outcomes[0] if len(outcomes) == 1 else words.say("what_if.and", first=outcomes[0], second=outcomes[1])
    return words.say("what_if.sentence_is", change=changed_input(each.change, found, words), outcome=outcome)


def _phrase(feature: str | None, found: Investigation, words: Wording) -> str:
    reasons = found.features.reasons if found.features else ()
    return next((reason.display[words.locale] for reason in reasons if reason.name == feature), "")


def _number(name: str, value: float | None, words: Wording) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if name in _COUNTED else words.number(value)
