"""How long audit entries are kept in each tier, counted in UTC days from the day of the event."""

from datetime import date, timedelta
from pathlib import Path

import msgspec

from streamrec_explain.audit_log.table.encoding import utc_day
from streamrec_explain.errors import SettingsError


class RetentionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hot for `hot_days` after the event, then cold for `cold_days`; both at least 1."""

    hot_days: int = 90
    cold_days: int = 730

    def __post_init__(self) -> None:
        if self.hot_days < 1 or self.cold_days < 1:
            raise SettingsError(f"retention must be at least one day per tier: {self}")

    def archive_before(self, now_ms: int) -> str:
        """Entries of days before this one (YYYY-MM-DD) belong into the cold tier."""
        return _day_before(now_ms, self.hot_days - 1)

    def expire_before(self, now_ms: int) -> str:
        """Entries of days before this one (YYYY-MM-DD) must be gone from every tier."""
        return _day_before(now_ms, self.hot_days + self.cold_days - 1)


def read_retention(path: Path) -> RetentionPolicy:
    """The policy of a file {"hot_days": 90, "cold_days": 730}, the default without one; SettingsError if it is bad."""
    if not path.exists():
        return RetentionPolicy()
    try:
        return msgspec.json.decode(path.read_bytes(), type=RetentionPolicy)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f'{path} is no retention {{"hot_days": 90, "cold_days": 730}}: {error}') from error


def _day_before(now_ms: int, days: int) -> str:
    return (date.fromisoformat(utc_day(now_ms)) - timedelta(days=days)).isoformat()
