"""One (date, region) of the audit table: what is compacted, sealed, archived and expired as a whole."""

import re

import msgspec

from streamrec_explain.audit_log.table import conditions

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class Partition(msgspec.Struct, frozen=True, order=True):
    """One (date, region) of the table; `date` is the UTC day as YYYY-MM-DD."""

    date: str
    region: str

    @property
    def condition(self) -> str:
        """The SQL condition that selects exactly this partition."""
        return conditions.in_partition(self.date, self.region)

    @property
    def values(self) -> dict[str, str]:
        """The values of the partition columns as the transaction log has them."""
        return {"date": self.date, "region": self.region}

    @property
    def folder(self) -> str:
        """The folder of its files; only people read its name, the values stand in the transaction log."""
        return f"date={self.date}/region={_UNSAFE.sub('_', self.region)}"
