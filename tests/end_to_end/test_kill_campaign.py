"""Random kill -9 of service, shipper and maintenance under traffic: nothing acknowledged is missing or doubled."""

from pathlib import Path

import pytest

from tests.reference.kill_campaign import campaign


@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_processes_lose_double_and_alter_nothing(tmp_path: Path, kills: int) -> None:
    """What is due to expire is gone all the same, and the seals stand."""
    found = campaign(tmp_path / "home", kills, seed=kills)
    assert kills == sum(found.kills.values())
    assert (0, 0, 0, 0, True) == (
        found.missing,
        found.doubled,
        found.other_text,
        found.expired_left,
        found.seals_stand,
    )
    assert found.acknowledged_requests > 20
