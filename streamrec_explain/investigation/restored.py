"""Restored decisions: a logged list as its own release computes it again, byte for byte, and one item of it."""

from dataclasses import dataclass

import numpy as np

from streamrec_explain.audit_log.questions.lookup import FoundEntry
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.history import ResolvedHistory, resolve_history
from streamrec_explain.explanation.naming import ItemNames
from streamrec_explain.explanation.scoring import ScoredList, item_matrix, score_list
from streamrec_explain.records import ListContext, ListItem
from streamrec_explain.replay import Replay, TrendSource, logged_context, replay


@dataclass(frozen=True)
class Restored:
    """What was decided, with the release that decided it.

    `place` is the item's index in the list; `scored` is the item scored alone (None: the release's catalogue
    does not have it, so no model scored it).
    """

    context: ListContext
    bundle: EngineBundle
    names: ItemNames
    place: int
    replayed: Replay
    history: ResolvedHistory
    scored: ScoredList | None

    @property
    def item(self) -> ListItem:
        """The item under investigation, as it was logged."""
        return self.context.items[self.place]

    @property
    def titles(self) -> dict[str, str]:
        """The titles of list and history by item id; those that are unknown or may not be said are left out."""
        ids = [item.item_id for item in self.context.items]
        ids += [event.item_id for event in self.context.session_history]
        codes = self.bundle.catalogue.codes(ids).tolist()
        found = {item_id: self.names.titles[code] for item_id, code in zip(ids, codes, strict=True) if code >= 0}
        return {item_id: title for item_id, title in found.items() if title is not None}


def restore(found: FoundEntry, bundle: EngineBundle, trends: TrendSource | None = None) -> Restored:
    """Compute a logged explanation again; ReplayMismatchError, naming the fields, unless its bytes are the same.

    SnapshotNotFoundError if the entry refers to a trend snapshot that `trends` does not have.
    """
    replayed = replay(found.request, found.entry.position, bundle, trends)
    replayed.raise_unless_identical()
    context = logged_context(found.request, bundle, trends)
    place = [item.position for item in context.items].index(found.entry.position)
    history = resolve_history(context.session_history, bundle.catalogue, context.timestamp_ms)
    scored = _scored(context, bundle, history, context.items[place])
    return Restored(context, bundle, ItemNames(bundle.catalogue), place, replayed, history, scored)


def _scored(context: ListContext, bundle: EngineBundle, history: ResolvedHistory, item: ListItem) -> ScoredList | None:
    codes = np.array([bundle.catalogue.code(item.item_id)], dtype=np.int32)
    if codes[0] < 0:
        return None
    values = item_matrix(bundle, [item.item_features], "items")
    return score_list(bundle, history, context.user_features, codes, values)
