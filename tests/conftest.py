"""Fixtures that every test may use: where the public data sets lie, if they do."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serving.deployments import Deployment

SHARED_DATA = Path(os.environ.get("STREAMREC_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; tests that need it skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no public data sets at {SHARED_DATA}; set STREAMREC_SHARED_DATA to their folder")
    return SHARED_DATA


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> "Deployment":
    """A small deployment on disk, built once: tests copy it. What it takes is loaded by who asks for it."""
    from tests.serving.deployments import build

    return build(tmp_path_factory.mktemp("deployment"))
