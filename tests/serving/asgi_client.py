"""A client that speaks HTTP to an app in this process, one event loop per request."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI


class AsgiClient:
    """Requests to an app whose lifespan is not run; errors that the app lets through become its 500."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def get(self, path: str, **given: Any) -> httpx.Response:
        """Answer to a GET."""
        return asyncio.run(self._ask("GET", path, **given))

    def post(self, path: str, **given: Any) -> httpx.Response:
        """Answer to a POST."""
        return asyncio.run(self._ask("POST", path, **given))

    async def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://service") as client:
            return await client.request(method, path, **given)
