"""The planted truth is the truth: causes precede, add up, and follow from the documented formula."""

import re

import numpy as np
import pytest

from streamrec_explain.events.interactions import Interactions, engaged, interactions
from streamrec_explain.events.synthetic.config import HISTORY_WINDOW
from streamrec_explain.events.synthetic.outcomes import CLICK_BASE
from streamrec_explain.events.synthetic.truth import PlantedTruth
from streamrec_explain.events.world import World

Small = tuple[World, PlantedTruth]


def _sample(histories: Interactions) -> np.ndarray:
    return np.random.default_rng(0).choice(len(histories.row), 300, replace=False)


def test_engaged_rows_are_those_of_the_events(small: Small) -> None:
    """The truth and the interactions agree on which impressions count."""
    world, truth = small
    assert np.array_equal(np.flatnonzero(engaged(world.impressions)), truth.engaged_row)


def test_causes_add_up_to_the_history_part(small: Small) -> None:
    """Law: an engaged impression's contributions sum to the history part of its utility."""
    truth = small[1]
    causes = [truth.causes(int(row)) for row in truth.engaged_row]
    total = np.array([cause.contribution.sum() for cause in causes])
    assert np.abs(total - truth.part("history")[truth.engaged_row]).max() < 1e-4
    assert np.abs(total).max() > 1.0


def test_causes_are_earlier_events_of_the_user(small: Small) -> None:
    """Every cause is among the events of the user's earlier sessions, at most 50 of them."""
    world, truth = small
    histories = interactions(world)
    sessions = world.impressions["session_id"].to_pylist()
    for event in _sample(histories):
        start = histories.offsets[histories.user[event]]
        past = {sessions[row] for row in histories.row[start + truth.causes(int(histories.row[event])).sequence - 1]}
        assert sessions[histories.row[event]] not in past
        assert (truth.causes(int(histories.row[event])).sequence < histories.sequence[event]).all()


def test_contributions_follow_the_formula(small: Small) -> None:
    """A slow reading of the formula from the world's own events gives the same contributions."""
    world, truth = small
    histories, sessions = interactions(world), world.impressions["session_id"].to_pylist()
    titles = world.items["title"].to_pylist()
    for event in _sample(histories):
        mine = histories.of(int(histories.user[event]))
        row = int(histories.row[event])
        before = [place for place in range(histories.sequence[event]) if sessions[mine.row[place]] != sessions[row]]
        expected = {}
        for place in before:
            lag = len(before) - place
            value = _contribution(truth, titles, int(mine.item[place]), int(histories.item[event]), lag)
            if value and lag <= HISTORY_WINDOW:
                expected[place + 1] = value
        causes = truth.causes(row)
        assert expected == pytest.approx(
            dict(zip(causes.sequence.tolist(), causes.contribution.tolist(), strict=True)), abs=1e-5
        )


def _contribution(truth: PlantedTruth, titles: list[str], source: int, target: int, lag: int) -> float:
    lines = truth.item_line
    value = float(truth.line_link[lines[source], lines[target]]) * np.exp(-(lag - 1) / 30.0)
    is_episode = re.search(r" S\d:E\d", titles[source]) is not None
    follows = is_episode and target == source + 1 and lines[source] == lines[target]
    return value + (1.5 * np.exp(-(lag - 1) / 6.0) if follows else 0.0)


def test_an_impression_without_engagement_has_no_causes(small: Small) -> None:
    """Asking for the causes of an impression that was not engaged with is an error."""
    truth = small[1]
    row = int(np.setdiff1d(np.arange(len(truth.parts)), truth.engaged_row)[0])
    with pytest.raises(KeyError):
        truth.causes(row)


def test_explanations_move_only_the_treatment_arm(small: Small) -> None:
    """The effect is zero in control and the table's entry in treatment."""
    world, truth = small
    treated = np.array(world.impressions["explanation_arm"].to_pylist()) == "treatment"
    assert not truth.explanation_effect[~treated].any()
    history = np.array(world.impressions["explanation_type"].to_pylist()) == "watch_history"
    told = treated & history & truth.explanation_true
    assert np.float32(truth.effects.click[0, 1]) == np.unique(truth.explanation_effect[told]).item()


def test_clicks_follow_the_planted_utility(small: Small) -> None:
    """The clicks of each arm number what the utility and the effect predict, within four deviations."""
    world, truth = small
    clicked = world.impressions["clicked"].to_numpy()
    treated = np.array(world.impressions["explanation_arm"].to_pylist()) == "treatment"
    chance = 1.0 / (1.0 + np.exp(-(CLICK_BASE + truth.parts.sum(axis=1) + truth.explanation_effect)))
    for arm in (treated, ~treated):
        deviation = np.sqrt((chance[arm] * (1 - chance[arm])).sum())
        assert abs(clicked[arm].sum() - chance[arm].sum()) < 4 * deviation
