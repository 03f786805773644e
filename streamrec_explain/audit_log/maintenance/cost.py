"""What the audit log costs a month: measured bytes, counted requests, and prices that are stated assumptions."""

from pathlib import Path

import msgspec

from streamrec_explain.audit_log.maintenance.retention import RetentionPolicy
from streamrec_explain.errors import SettingsError

_GB = 1e9
_DAYS_A_MONTH = 365.25 / 12


class Assumptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Volume and prices in USD; list prices of a large public object store, none of them measured.

    A commit puts a data file and a log entry; every shipper commits so often a minute. Maintenance reads each
    file that was shipped once and writes one file per 512 MiB in each tier.
    """

    entries_per_day: int = 400_000_000
    hot_gb_month: float = 0.023
    cold_gb_month: float = 0.0036
    put_per_1000: float = 0.005
    get_per_1000: float = 0.0004
    cold_put_per_1000: float = 0.03
    shippers: int = 24
    commits_per_minute: float = 1.0
    file_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) >= 0 or (name == "file_bytes" and self.file_bytes == 0):
                raise SettingsError(f"cost assumption {name} must not be negative: {getattr(self, name)}")


class Cost(msgspec.Struct, frozen=True):
    """USD a month once the log has reached its full age, and the amounts it comes from."""

    hot_bytes_per_entry: float
    cold_bytes_per_entry: float
    hot_tb: float
    cold_tb: float
    hot_storage: float
    cold_storage: float
    puts_a_month: float
    gets_a_month: float
    requests: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.hot_storage + self.cold_storage + self.requests


CASE_STUDY_BYTES = 500.0  # "about 500 bytes compressed"; 200 GB a day
CASE_STUDY_HOT, CASE_STUDY_COLD = 3000.0, 500.0


def read_assumptions(path: Path | None) -> Assumptions:
    """The assumptions, those of a JSON file in place of the defaults; SettingsError names what is wrong in it."""
    if path is None:
        return Assumptions()
    try:
        return msgspec.json.decode(path.read_bytes(), type=Assumptions)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"cost assumptions {path}: {error}") from error


def monthly_cost(
    hot_bytes_per_entry: float, cold_bytes_per_entry: float, assumed: Assumptions, policy: RetentionPolicy
) -> Cost:
    """The cost of a log whose entries take so many bytes in each tier."""
    hot = assumed.entries_per_day * policy.hot_days * hot_bytes_per_entry
    cold = assumed.entries_per_day * policy.cold_days * cold_bytes_per_entry
    shipped = 60 * 24 * _DAYS_A_MONTH * assumed.shippers * assumed.commits_per_minute
    daily = assumed.entries_per_day * _DAYS_A_MONTH / assumed.file_bytes
    rewritten, archived = daily * hot_bytes_per_entry, daily * cold_bytes_per_entry
    puts, gets = 2 * shipped + rewritten, shipped + 2 * rewritten
    requests = puts * assumed.put_per_1000 + gets * assumed.get_per_1000 + archived * assumed.cold_put_per_1000
    return Cost(
        hot_bytes_per_entry=hot_bytes_per_entry,
        cold_bytes_per_entry=cold_bytes_per_entry,
        hot_tb=hot / _GB / 1000,
        cold_tb=cold / _GB / 1000,
        hot_storage=hot / _GB * assumed.hot_gb_month,
        cold_storage=cold / _GB * assumed.cold_gb_month,
        puts_a_month=puts + archived,
        gets_a_month=gets,
        requests=requests / 1000,
    )


def case_study(assumed: Assumptions, policy: RetentionPolicy) -> Cost:
    """What the case study's own 500 bytes an entry cost at these prices."""
    return monthly_cost(CASE_STUDY_BYTES, CASE_STUDY_BYTES, assumed, policy)
