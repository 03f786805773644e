"""Partitions: the days of the audit log (UTC)."""

import dagster as dg

DAYS = dg.DailyPartitionsDefinition(start_date="2025-01-01", end_offset=1)
