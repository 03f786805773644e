"""Materialization metadata people read: pictures and tables as Dagster shows them."""

import base64
from collections.abc import Mapping, Sequence

import dagster as dg

Cell = str | int | float | bool | None


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A PNG shown in the asset's page, without a file server."""
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})")


def table(rows: Sequence[Mapping[str, Cell]]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """Rows of equal columns as a table; numbers rounded to six significant digits."""
    if not rows:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table([dg.TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows])


def _cell(value: Cell) -> str | int | float | bool | None:
    return float(f"{value:.6g}") if isinstance(value, float) else value
