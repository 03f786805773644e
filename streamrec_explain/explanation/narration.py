"""Narration: the sentence of a claim in a locale, made from the claim's own evidence."""

from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.speech import LocaleTemplates
from streamrec_explain.records import Claim

GENERIC = "generic"


def narrate(claim: Claim | None, speech: LocaleTemplates, names: ItemNames) -> tuple[str, str]:
    """The template key and the text that state a claim; the generic sentence where there is none."""
    if claim is None:
        return GENERIC, speech.sentence(GENERIC)
    template, variables = _WORDS[claim.kind](claim, speech, names)
    return template, speech.sentence(template, **variables)


def said_title(speech: LocaleTemplates, names: ItemNames, item_id: str) -> str:
    """An item's quoted title; its id where the title may not be said."""
    return speech.quotes.around(names.titles[names.catalogue.code(item_id)] or item_id)


Words = tuple[str, dict[str, str]]


def _watch_history(claim: Claim, speech: LocaleTemplates, names: ItemNames) -> Words:
    items = claim.evidence["items"]
    titles = [said_title(speech, names, item_id) for item_id in items] if isinstance(items, tuple) else []
    if len(titles) == 1:
        return "watch_history.one", {"first": titles[0]}
    return "watch_history.two", {"first": titles[0], "second": titles[1]}


def _category_match(claim: Claim, speech: LocaleTemplates, names: ItemNames) -> Words:
    kind = "interest" if claim.evidence["from_history"] else "category"
    return f"category_match.{kind}", {"category": speech.category(str(claim.evidence["category"]))}


def _trending(claim: Claim, speech: LocaleTemplates, names: ItemNames) -> Words:
    count = speech.number(float(str(claim.evidence["count"])))
    region = speech.regions.get(str(claim.evidence["market"]))
    if region is None:
        return "trending.everywhere", {"count": count}
    return "trending.region", {"region": region, "count": count}


def _personalized(claim: Claim, speech: LocaleTemplates, names: ItemNames) -> Words:
    return "personalized", {}


def _promoted(claim: Claim, speech: LocaleTemplates, names: ItemNames) -> Words:
    sponsor = " ".join(str(claim.evidence["sponsor"]).split())
    return ("promoted.sponsor", {"sponsor": sponsor}) if sponsor else ("promoted", {})


_WORDS = {
    "watch_history": _watch_history,
    "category_match": _category_match,
    "trending": _trending,
    "personalized": _personalized,
    "promoted": _promoted,
}
