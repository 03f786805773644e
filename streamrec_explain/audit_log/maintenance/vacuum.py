"""Vacuum: delete files that no kept version of a table names any more; only then is removed data gone."""

import msgspec

from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import RetentionError

# Readers and writers that opened an older version must be able to finish; deltalake's own default.
DEFAULT_KEEP_HOURS = 168


class VacuumPlan(msgspec.Struct, frozen=True):
    """The files of one table to delete."""

    table_uri: str
    keep_hours: int
    files: tuple[str, ...]

    def __str__(self) -> str:
        head = f"delete {len(self.files)} files of {self.table_uri} unused for {self.keep_hours} hours"
        return "\n".join([head, *(f"  {name}" for name in self.files)])


def plan_vacuum(table: AuditTable, *, keep_hours: int = DEFAULT_KEEP_HOURS) -> VacuumPlan:
    """The files that no version of the last `keep_hours` names; age is told by the store's own clock."""
    return VacuumPlan(table.uri, keep_hours, tuple(table.vacuum(keep_hours=keep_hours, dry_run=True)))


def apply_vacuum(plan: VacuumPlan, table: AuditTable) -> int:
    """Delete the planned files and return how many went; RetentionError if the plan is of another table."""
    if plan.table_uri != table.uri:
        raise RetentionError(f"the plan is for {plan.table_uri}, not for {table.uri}")
    return len(table.vacuum(keep_hours=plan.keep_hours, dry_run=False)) if plan.files else 0
