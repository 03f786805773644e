"""The page of a release comparison: how many sentences change, from what to what, with examples."""

from pathlib import Path

from streamrec_explain.faithfulness.comparison import ReleaseComparison
from streamrec_explain.faithfulness.page import percent
from streamrec_explain.pages.rendering import page

TEMPLATE = Path(__file__).parent / "comparison.html"


def comparison_page(found: ReleaseComparison) -> str:
    """The HTML page of a comparison."""
    kinds = dict.fromkeys((*found.shares_before, *found.shares_after))
    sides = (found.shares_before, found.shares_after)
    shares = {kind: tuple(percent(side.get(kind, 0.0)) for side in sides) for kind in kinds}
    return page(TEMPLATE, "What would change?", found=found, shares=shares)


def comparison_files(found: ReleaseComparison) -> dict[str, bytes]:
    """What is kept beside the newer release: the comparison as JSON and its page."""
    return {"comparison.json": found.to_json(), "comparison.html": comparison_page(found).encode()}
