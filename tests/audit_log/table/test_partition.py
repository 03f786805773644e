"""Partitions: what selects them, and where their files lie."""

import pytest

from streamrec_explain.audit_log.table.partition import Partition


def test_a_partition_selects_itself() -> None:
    """Whatever its region is called."""
    assert "date = '2026-01-01' AND region = 'o''hara'" == Partition("2026-01-01", "o'hara").condition


@pytest.mark.parametrize(
    ("region", "folder"), [("US", "region=US"), ("../a b", "region=.._a_b"), ("é%2F", "region=__2F")]
)
def test_a_folder_stays_within_the_table(region: str, folder: str) -> None:
    """No region leads out of it."""
    assert f"date=2026-01-01/{folder}" == Partition("2026-01-01", region).folder
