"""Request ids that tell their time: version 7 UUIDs (RFC 9562) as 32 hex digits, so that a look-up reads one day.

Callers may use ids of any other form; those are found too, in every day.
"""

import re
from datetime import UTC, datetime

_VERSION_7 = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_LAST_MS = 253_402_214_400_000  # 9999-12-31


def new_request_id(timestamp_ms: int, random: bytes) -> str:
    """The id of a request of that Unix time; `random` are 10 random bytes, of which 74 bits are used."""
    tail = int.from_bytes(random[:10], "big")
    high, low = (tail >> 62) & 0xFFF, tail & ((1 << 62) - 1)
    return f"{timestamp_ms & ((1 << 48) - 1):012x}7{high:03x}{(0b10 << 62) | low:016x}"


def days_told(request_id: str) -> tuple[str, ...]:
    """The UTC day (YYYY-MM-DD) that the id tells, none where it is of another form."""
    if not _VERSION_7.fullmatch(request_id):
        return ()
    timestamp_ms = int(request_id[:12], 16)
    return (datetime.fromtimestamp(timestamp_ms / 1000, UTC).date().isoformat(),) if timestamp_ms < _LAST_MS else ()
