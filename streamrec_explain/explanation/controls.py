"""Controls: what a user could turn off after reading an explanation."""

from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.narration import said_title
from streamrec_explain.explanation.speech import LocaleTemplates
from streamrec_explain.records import Claim, Control

PERSONALISATION = "personalisation"


def controls(
    speech: LocaleTemplates, names: ItemNames, item_id: str, code: int, claim: Claim | None
) -> tuple[Control, ...]:
    """The named history items, this item, its main category, its creator, and personalisation as a whole.

    `code` is the item's catalogue row, -1 if it is unknown.
    """
    found = [*_named_items(speech, names, claim), Control("item", item_id, speech.label("item"))]
    category = names.category(code) if code >= 0 else None
    if category is not None:
        label = speech.label("category", category=speech.category(category))
        found.append(Control("category", category, label))
    creator = names.catalogue.creator_of(code)
    if creator is not None:
        found.append(Control("creator", creator, speech.label("creator", creator=creator)))
    return (*found, Control(PERSONALISATION, PERSONALISATION, speech.label(PERSONALISATION)))


def _named_items(speech: LocaleTemplates, names: ItemNames, claim: Claim | None) -> list[Control]:
    items = claim.evidence["items"] if claim is not None and claim.kind == "watch_history" else ()
    return [
        Control("history", item_id, speech.label("history", title=said_title(speech, names, item_id)))
        for item_id in (items if isinstance(items, tuple) else ())
    ]
