"""Fixtures of the service: a deployment of the test's own, its service with a loaded release, and a client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.app import create_app
from serving.service import Service
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import Deployment


@pytest.fixture
def deployment(built: Deployment, tmp_path: Path) -> Deployment:
    """A deployment of the test's own; release 1 is champion."""
    return built.copied(tmp_path / "home")


@pytest.fixture
def service(deployment: Deployment) -> Iterator[Service]:
    """A service with release 1 loaded; nothing watches for another one."""
    made = deployment.service()
    made.slot.poll()
    yield made
    made.close()


@pytest.fixture
def client(service: Service) -> AsgiClient:
    """A client of the service's app, without its lifespan."""
    return AsgiClient(create_app(service))
