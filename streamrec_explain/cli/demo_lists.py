"""The lists of the demo: what the recommendation service would have ranked for users of the stored world."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from streamrec_explain.cli.stored import moment_of, releases_of
from streamrec_explain.faithfulness.sampling import folds, sample_lists
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.records import ListContext
from streamrec_explain.release.components import load_components


class DemoLists:
    """Ranked lists of a home folder's world, by its champion, as requests to the service."""

    def __init__(self, home: Path, seed: int) -> None:
        releases = releases_of(home)
        self._moment = moment_of(home)
        self.bundle = load_components(releases.take(releases.champion()))
        self._seed = seed

    @property
    def catalogue(self) -> Catalogue:
        """The champion's catalogue."""
        return self.bundle.catalogue

    def sampled(self, count: int) -> Iterator[tuple[str, ListContext]]:
        """User id and list of up to `count` random users."""
        _, audited = folds(self._moment.events, self._seed)
        chosen = audited[:count]
        ids = [self._moment.events.user_ids[user] for user in chosen.tolist()]
        yield from zip(ids, sample_lists(self.bundle, self._moment, chosen, self._seed), strict=True)

    def of(self, user_id: str) -> ListContext:
        """The list of one user; ValueError if the world does not have the user."""
        user = self._moment.events.user_ids.index(user_id)
        return next(iter(sample_lists(self.bundle, self._moment, np.array([user]), self._seed)))


def request_body(user_id: str, context: ListContext, request_id: str, locale: str = "en") -> bytes:
    """The request that asks the service for a list; features are left for the service to resolve."""
    items = [
        {
            "item_id": item.item_id,
            "position": item.position,
            "ranking_score": item.ranking_score,
            "reranking_score": item.reranking_score,
        }
        | ({"promotion": {"sponsor": item.promotion.sponsor, "boost": item.promotion.boost}} if item.promotion else {})
        for item in context.items
    ]
    history = [
        {"item_id": event.item_id, "timestamp_ms": event.timestamp_ms, "sequence": event.sequence}
        for event in context.session_history
    ]
    body = {
        "request_id": request_id,
        "user_id": user_id,
        "region": context.region,
        "locale": locale,
        "timestamp_ms": context.timestamp_ms,
        "session_history": history,
        "items": items,
    }
    return json.dumps(body).encode()
