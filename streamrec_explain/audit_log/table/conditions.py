"""SQL conditions over the audit table's columns, with every value quoted in one place."""

from collections.abc import Iterable


def literal(value: str | int) -> str:
    """A value as an SQL literal; text may hold anything."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def equals(column: str, value: str | int) -> str:
    """`column = value`."""
    return f"{column} = {literal(value)}"


def one_of(column: str, values: Iterable[str | int]) -> str:
    """`column IN (values)`; false where there are none."""
    listed = ", ".join(literal(value) for value in values)
    return f"{column} IN ({listed})" if listed else "false"


def between(column: str, low: str | int | None, high: str | int | None) -> str:
    """`low <= column < high`, either end open if None; true where both are."""
    ends = []
    if low is not None:
        ends.append(f"{column} >= {literal(low)}")
    if high is not None:
        ends.append(f"{column} < {literal(high)}")
    return " AND ".join(ends) or "true"


def days(first: str | None, last: str | None) -> str:
    """The UTC days from first to last, both included and either open if None."""
    ends = [f"date >= {literal(first)}"] if first is not None else []
    ends += [f"date <= {literal(last)}"] if last is not None else []
    return " AND ".join(ends) or "true"


def in_partition(date: str, region: str) -> str:
    """The rows of one (date, region) partition."""
    return f"{equals('date', date)} AND {equals('region', region)}"
