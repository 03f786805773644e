"""Moments in a query."""

import pytest

from serving.moments import unix_ms
from streamrec_explain.errors import RequestError


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (0, "0"),
        (1_751_328_000_000, "1751328000000"),
        (1_751_328_000_000, "2025-07-01"),
        (1_751_328_000_000, "2025-07-01T00:00"),
        (1_751_328_000_000, "2025-07-01T02:00:00+02:00"),
        (1_751_328_000_500, "2025-07-01T00:00:00.500Z"),
    ],
)
def test_moment(expected: int, text: str) -> None:
    """Without a zone it is UTC."""
    assert expected == unix_ms(text, "from")


@pytest.mark.parametrize("text", ["", "now", "-1", "2025-13-01", "1969-12-31", "9" * 40, "²"])
def test_no_moment(text: str) -> None:
    """The field is named, and what may be written."""
    with pytest.raises(RequestError, match="write 2026-01-31") as refused:
        unix_ms(text, "to")
    assert "to" == refused.value.field
