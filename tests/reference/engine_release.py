"""A small trained release and the log of what it said: the fixtures of engines that later ones must replay.

`python -m tests.reference.engine_release FOLDER [SEED]` makes FOLDER/bundle, FOLDER/trends, FOLDER/journal and
FOLDER/hot (the table with the same requests) in a few seconds. `tests/fixtures/engine_v1` was made so by the
first engine; it is never made again, for what an older engine logged must be replayed by every later one.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import msgspec
import numpy as np

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.events.interactions import interactions
from streamrec_explain.events.splits import split_phases
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate
from streamrec_explain.events.world import World
from streamrec_explain.explanation.audit_entries import audit_request
from streamrec_explain.explanation.calibration import calibrate
from streamrec_explain.explanation.components import EngineBundle
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.explanation.ranking import Candidate, candidates_in, rank_list
from streamrec_explain.explanation.speech import Templates
from streamrec_explain.explanation.thresholds import Thresholds
from streamrec_explain.faithfulness.sampling import Moment, folds, sample_lists
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.snapshots import trend_snapshot, user_snapshot, write_snapshot
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.features.ticks import tick
from streamrec_explain.models.reranker_dataset import reranker_dataset
from streamrec_explain.models.reranker_training import RerankerTrainingConfig, train_reranker
from streamrec_explain.models.session_model import SessionModel
from streamrec_explain.models.session_training import SessionTrainingConfig, train_session_model
from streamrec_explain.pseudonym import KeyRing, new_key_ring
from streamrec_explain.records import ListContext
from streamrec_explain.release.bundle import write_bundle
from streamrec_explain.release.components import release_contents
from streamrec_explain.release.gates import GateBounds
from streamrec_explain.release.manifest import Pins, WorldPin
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.trees.tree_shap import TreeShapExplainer

LOCALES = ("en", "de", "ja", "fr")  # the last one is not spoken: its lists fall back
KEYS: KeyRing = new_key_ring(1, lambda n: bytes(range(n)))


@dataclass(frozen=True)
class SmallRelease:
    """A trained release, the moment it was trained for and the string that names it."""

    bundle: EngineBundle
    moment: Moment
    model_version: str


def small_release(folder: Path, *, seed: int = 0, version: int = 1, users: int = 120) -> SmallRelease:
    """Train a release on a small synthetic world and write its bundle into `folder`."""
    world, _ = generate(SyntheticConfig(users=users, seed=seed))
    catalogue = Catalogue.from_items(world.items)
    session = _session_model(world, seed)
    text = _reranker_text(world, catalogue, session, seed)
    explainer = TreeShapExplainer.from_lightgbm(text)
    draft = EngineBundle(catalogue, DEFAULT_SPEC, session, explainer, Thresholds(), Templates.packaged())
    moment = _moment(world, catalogue)
    calibrated, _ = folds(moment.events, seed)
    lists = list(sample_lists(draft, moment, calibrated, seed))
    found = calibrate(draft, lists, np.random.default_rng(seed), version=f"calibrated-{seed}").thresholds
    bundle = EngineBundle(catalogue, DEFAULT_SPEC, session, explainer, found, draft.templates)
    pins = Pins(components={}, runs={}, feature_spec=DEFAULT_SPEC.digest(), libraries={})
    contents = release_contents(bundle, text, GateBounds.packaged())
    pin = WorldPin(world.name, world.digests)
    digest = write_bundle(folder, contents, created_ms=moment.timestamp_ms, world=pin, pins=pins)
    return SmallRelease(bundle, moment, str(ModelVersion.of(version, digest)))


def write_journal(path: Path, release: SmallRelease, *, seed: int = 0, lists: int = 20) -> None:
    """Explain lists in every locale and write them to a journal; `seed` tells its request ids from others'."""
    engine = ExplanationEngine(release.bundle)
    trends = release.moment.trends.aligned_to(release.bundle.catalogue)
    with Journal(path, clock=lambda: release.moment.timestamp_ms) as journal:
        for context in contexts(release, seed, lists):
            result = engine.explain_list(context)
            names = [item.item_id for item in context.items]
            request = audit_request(
                context,
                result,
                model_version=release.model_version,
                key_id=KEYS.current.key_id,
                policy=release.bundle.policy,
                trend_digest=release.moment.trends.digest,
                user_snapshot_digest=release.moment.users.digest,
                computation_time_ms=0.1,
                known=candidates_in(trends, release.bundle, names, context.region),
            )
            journal.append(request, msgspec.json.encode(result.explanations))


def contexts(release: SmallRelease, seed: int, count: int) -> Iterator[ListContext]:
    """Ranked lists of users no threshold was calibrated on, three of them with something odd."""
    _, audited = folds(release.moment.events, seed)
    chosen = audited[:count]
    for number, (user, locale) in enumerate(zip(chosen, cycle(LOCALES), strict=False)):
        context = next(sample_lists(release.bundle, release.moment, np.array([user]), seed, locale))
        named = msgspec.structs.replace(
            context,
            request_id=f"engine-{seed}-{number}",
            user_id_hash=KEYS.pseudonym(release.moment.events.user_ids[user]),
        )
        yield _with_something_odd(release.bundle, named, number)


def _with_something_odd(bundle: EngineBundle, context: ListContext, number: int) -> ListContext:
    """The first three lists: of somebody new, with an item nobody knows, ranked by another release."""
    first, *rest = context.items
    if number == 0:
        ranked = [Candidate(i.item_id, i.item_features, i.item_facts, i.promotion) for i in context.items]
        items = rank_list(bundle, (), context.user_features, ranked, context.timestamp_ms)
        return msgspec.structs.replace(context, session_history=(), items=items)
    if number == 1:
        unknown = msgspec.structs.replace(first, item_id="nobody-knows")
        return msgspec.structs.replace(context, items=(unknown, *rest))
    if number == 2:
        other = msgspec.structs.replace(first, reranking_score=first.reranking_score + 0.5)
        return msgspec.structs.replace(context, items=(other, *rest))
    return context


def _session_model(world: World, seed: int) -> SessionModel:
    config = SessionTrainingConfig(seed=seed, heads=2, rank=8, epochs=30, weight_decay=0.5, threads=1)
    return train_session_model(interactions(world), split_phases(world), world.items.num_rows, config).model


def _reranker_text(world: World, catalogue: Catalogue, session: SessionModel, seed: int) -> str:
    rows = reranker_dataset(world, DEFAULT_SPEC, catalogue, session, split_phases(world), seed)
    train, stop = rows.training, rows.validation
    config = RerankerTrainingConfig(trees=40, min_trees=40, leaves=12, threads=1)
    return train_reranker(train.features, train.labels, stop.features, stop.labels, DEFAULT_SPEC, config, seed)


def _moment(world: World, catalogue: Catalogue) -> Moment:
    """The world at the first refresh that has every event behind it."""
    after = tick(int(world.impressions["timestamp_ms"][-1].as_py()), world.refresh_ms) + world.refresh_ms
    trends = trend_snapshot(world, DEFAULT_SPEC, catalogue, after)
    return Moment(world, interactions(world), user_snapshot(world, DEFAULT_SPEC, after), trends)


def main(folder: Path, seed: int) -> None:
    """Make a fixture; the folder must not hold one."""
    release = small_release(folder / "bundle", seed=seed)
    write_snapshot(folder / "trends", release.moment.trends)
    write_journal(folder / "journal" / "worker-0.sqlite", release, seed=seed)
    ship_folder(folder / "journal", AuditTable(str(folder / "hot")), clock=lambda: release.moment.timestamp_ms)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
