"""Sampled lists: what users would have been shown at the moment, and nothing from after it."""

from dataclasses import replace

import msgspec
import numpy as np

from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.faithfulness.sampling import LIST_SIZE, Moment, folds, sample_lists
from tests.faithfulness.conftest import moment_of

USERS = np.arange(60)


def lists_of(bundle: EngineBundle, moment: Moment, users: np.ndarray, seed: int) -> list[bytes]:
    """The sampled lists as bytes, in which NaN equals NaN."""
    return [msgspec.msgpack.encode(context) for context in sample_lists(bundle, moment, users, seed)]


def test_halves_share_no_user_and_leave_none_out(moment: Moment) -> None:
    """Every user with a history is in exactly one half; equal seeds give equal halves."""
    left, right = folds(moment.events, 1)
    active = np.flatnonzero(np.diff(moment.events.offsets))
    assert active.tolist() == sorted([*left.tolist(), *right.tolist()])
    assert abs(len(left) - len(right)) <= 1
    assert left.tolist() == folds(moment.events, 1)[0].tolist() != folds(moment.events, 2)[0].tolist()


def test_a_history_ends_before_the_moment(moment: Moment) -> None:
    """Every event before it, none at or after it, numbered as the user's own."""
    times = moment.world.impressions["timestamp_ms"].to_numpy()
    assert (times >= moment.timestamp_ms).any()
    for user in USERS.tolist():
        past = moment.events.of(user)
        history = moment.history(user)
        assert int((past.time_ms < moment.timestamp_ms).sum()) == len(history)
        assert list(range(1, len(history) + 1)) == [event.sequence for event in history]


def test_later_events_change_no_list(bundle: EngineBundle, moment: Moment) -> None:
    """The lists of a world that ends at the moment are the same."""
    impressions = moment.world.impressions
    count = int(np.searchsorted(impressions["timestamp_ms"].to_numpy(), moment.timestamp_ms))
    past = replace(moment.world, impressions=impressions.slice(0, count))
    ended = moment_of(past, bundle.catalogue)
    assert lists_of(bundle, moment, USERS, 1) == lists_of(bundle, ended, USERS, 1)


def test_lists_are_ranked_unseen_and_the_releases_own(bundle: EngineBundle, moment: Moment) -> None:
    """Up to 20 items that were not watched, best first, with scores that the engine recomputes."""
    engine = ExplanationEngine(bundle)
    for context in sample_lists(bundle, moment, USERS, 1):
        watched = {event.item_id for event in context.session_history}
        assert len(context.items) <= LIST_SIZE
        assert not watched & {item.item_id for item in context.items}
        boosted = [item.reranking_score + (item.promotion.boost if item.promotion else 0.0) for item in context.items]
        assert boosted == sorted(boosted, reverse=True)
        assert all("score_mismatch" not in said.flags for said in engine.explain_list(context).explanations)


def test_more_users_change_no_earlier_list(bundle: EngineBundle, moment: Moment) -> None:
    """Equal seeds give a user equal lists, whoever comes after."""
    few, many = (lists_of(bundle, moment, USERS[:n], 7) for n in (3, 10))
    assert few == many[:3]


def test_user_ids_do_not_enter_the_sample(bundle: EngineBundle, moment: Moment) -> None:
    """The user is a digest."""
    context = next(sample_lists(bundle, moment, USERS[5:6], 1))
    assert 16 == len(context.user_id_hash)
    assert "u5" != context.user_id_hash
