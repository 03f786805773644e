"""Moments in a query: ISO 8601 as people write it or Unix milliseconds as programs do."""

from datetime import UTC, datetime

from serving.wire import LAST_MS
from streamrec_explain.errors import RequestError


def unix_ms(text: str, field: str) -> int:
    """Unix ms of a moment; without a time zone it is UTC. RequestError names the field."""
    try:
        moment = int(text) if text.isdecimal() else _iso_ms(text)
    except (ValueError, OverflowError):
        moment = -1
    if not 0 <= moment <= LAST_MS:
        raise RequestError(f"{field} is no moment since 1970; write 2026-01-31, 2026-01-31T12:00Z or Unix ms", field)
    return moment


def _iso_ms(text: str) -> int:
    found = datetime.fromisoformat(text)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
