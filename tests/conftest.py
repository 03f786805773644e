"""Fixtures that every test may use: where the public data sets lie, if they do."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(os.environ.get("STREAMREC_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no public data sets at {SHARED_DATA}; set STREAMREC_SHARED_DATA to their folder")
    return SHARED_DATA
