"""Figures as PNG bytes, for pages, run artifacts and asset metadata."""

import io

from matplotlib.figure import Figure


def png(figure: Figure) -> bytes:
    """A figure's picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    return buffer.getvalue()
