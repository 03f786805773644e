"""Histories grow in order and are read from the latest event."""

import numpy as np

from streamrec_explain.events.synthetic.histories import Histories


def test_the_window_starts_with_the_latest_event() -> None:
    """Column 0 is the last event, -1 where there is none; users are apart."""
    histories = Histories(n_users=3, n_items=10, capacity=100)
    histories.append(np.array([0, 0, 2]), np.array([4, 5, 6], dtype=np.int32))
    histories.append(np.array([0]), np.array([7], dtype=np.int32))
    assert [[7, 5, 4, -1], [-1] * 4, [6, -1, -1, -1]] == histories.window(np.arange(3))[:, :4].tolist()
    assert [3, 0, 1] == histories.count.tolist()


def test_a_user_has_seen_its_own_items_only() -> None:
    """What another user engaged with is new to this one."""
    histories = Histories(n_users=2, n_items=10, capacity=100)
    histories.append(np.array([0]), np.array([4], dtype=np.int32))
    items = np.array([[4, 5], [4, 5]], dtype=np.int32)
    assert [[True, False], [False, False]] == histories.has_seen(np.arange(2), items).tolist()
