"""Auditors: who may ask, known by a bearer token; on a machine of one's own, whoever is at it."""

import hmac
from pathlib import Path

import msgspec
from fastapi import Request
from starlette.exceptions import HTTPException

from streamrec_explain.errors import SettingsError

LOCAL = "local"
SHORTEST_TOKEN = 16


class Auditors(msgspec.Struct, frozen=True):
    """Bearer tokens by name; without any, everybody who reaches the app is `local`."""

    tokens: dict[str, str]

    @classmethod
    def read(cls, path: Path | None) -> "Auditors":
        """Read {"name": "token"}; SettingsError if the file is bad, open to others or a token is short."""
        if path is None:
            return cls({})
        try:
            mode, tokens = path.stat().st_mode, msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            # The message must not repeat the content: it holds secrets.
            raise SettingsError(f'{path} cannot be read as auditors {{"name": "bearer token"}}') from None
        if mode & 0o077:
            raise SettingsError(f"{path} must be private to its owner: chmod 600")
        if not tokens or min(map(len, tokens.values())) < SHORTEST_TOKEN:
            raise SettingsError(
                f"{path} must name an auditor, each with a token of {SHORTEST_TOKEN} characters or more"
            )
        return cls(tokens)

    def asking(self, request: Request) -> str:
        """The name of who sends a request; 401 for a stranger."""
        if not self.tokens:
            return LOCAL
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        for name, token in self.tokens.items():
            if hmac.compare_digest(given, token.encode()):
                return name
        raise HTTPException(401, "send the bearer token of an auditor", {"WWW-Authenticate": "Bearer"})
