"""The folder of MovieLens-1M's size: the reader takes it, and no pair is rated twice."""

from pathlib import Path

import pyarrow.compute as pc

from streamrec_explain.events.readers import read_world
from tests.reference.movielens_sized import PublishedSize, write_folder

SMALL = PublishedSize(users=40, films=400, ratings=900, positive=500)


def test_the_reader_takes_what_is_written(tmp_path: Path) -> None:
    """As many ratings and positives as asked for, every one of a known user and film, rated once."""
    written = write_folder(tmp_path / "ml", SMALL)
    impressions = read_world("movielens", tmp_path / "ml").world.impressions
    shown = impressions.filter(impressions["shown"])
    pairs = pc.binary_join_element_wise(shown["user_id"], shown["item_id"], "-")
    assert 900 == written == shown.num_rows == len(pc.unique(pairs))
    assert 500 == pc.sum(shown["clicked"]).as_py()
