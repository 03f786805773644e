"""What a candidate would change: its sentences beside the champion's, known before anything is promoted."""

from typing import Any

import dagster as dg

from orchestration.metadata import Cell, table
from orchestration.release.moment import SNAPSHOTS, moment_of
from orchestration.release.registered import registered_bundle
from orchestration.resources import HomeFolder, Registry, TrainingSettings
from orchestration.values import ReleaseCandidate
from streamrec_explain.errors import StreamRecError
from streamrec_explain.events.world import World
from streamrec_explain.faithfulness.comparison import NamedRelease, ReleaseComparison, compare
from streamrec_explain.faithfulness.comparison_page import comparison_files
from streamrec_explain.faithfulness.sampling import folds
from streamrec_explain.release.components import load_components
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.release.registration import CHAMPION

OWNERS = ["team:ml-platform"]
FOLDER = "comparison"
LISTS = 300


@dg.asset(group_name="release", kinds={"mlflow"}, owners=OWNERS, code_version="1", deps=SNAPSHOTS)
def release_comparison(
    events: World,
    release_candidate: ReleaseCandidate,
    home: HomeFolder,
    registry: Registry,
    settings: TrainingSettings,
) -> dg.MaterializeResult[None]:
    """How many sentences change type or text between champion and candidate, for the same people and items."""
    store, moment = registry.open(), moment_of(events, home.home)
    champion = store.alias(CHAMPION)
    if champion is None:
        return dg.MaterializeResult(metadata={"compared": "there is no champion to compare with"})
    _, users = folds(moment.events, settings.seed)
    try:
        before, after = _named(store, champion), _named(store, release_candidate.version)
        found = compare(before, after, moment, users[:LISTS], settings.seed)
    except StreamRecError as error:
        return dg.MaterializeResult(metadata={"compared": f"version {champion} cannot speak of these lists: {error}"})
    store.beside(release_candidate.version).log_files(comparison_files(found), FOLDER)
    link = registry.artifacts_url(release_candidate.run_id, f"{FOLDER}/comparison.html")
    return dg.MaterializeResult(metadata=_metadata(found, link))


def _named(store: MlflowRegistry, version: int) -> NamedRelease:
    with registered_bundle(store, version) as folder:
        return NamedRelease(str(ModelVersion.of(version, store.digest(version))), load_components(folder))


def _metadata(found: ReleaseComparison, link: str) -> dict[str, Any]:
    examples: list[dict[str, Cell]] = [
        {"item": each.item_id, "before": each.before.text, "after": each.after.text} for each in found.examples
    ]
    changes: list[dict[str, Cell]] = [
        {"before": each.before, "after": each.after, "n": each.n, "with another text": each.other_text}
        for each in found.changes
    ]
    return {
        "compared": f"{found.after} in the place of {found.before}",
        "explanations": found.other_type.n,
        "another type": str(found.other_type),
        "another text": str(found.other_text),
        "share with another text": found.other_text.value or 0.0,
        "changes": table(changes),
        "examples": table(examples),
        "report": dg.MetadataValue.url(link),
    }
