"""`streamrec compare-models`: the additive session model beside the transformer, trained for equal time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
import numpy as np

from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.events.interactions import Interactions, interactions
from streamrec_explain.events.readers import SYNTHETIC, WORLDS, read_world
from streamrec_explain.events.splits import split_phases
from streamrec_explain.faithfulness.method_cases import held_out_cases, planted_truth
from streamrec_explain.faithfulness.method_table import MethodTable, method_table
from streamrec_explain.features.catalogue import Catalogue
from streamrec_explain.features.spec import DEFAULT_SPEC
from streamrec_explain.models.session_comparison import (
    Contestant,
    Phases,
    RankingComparison,
    Training,
    compare_ranking,
    train_for,
)
from streamrec_explain.models.session_costs import RerankerPrice, ServingCost, reranker_price, serving_costs
from streamrec_explain.models.session_file import load_session_model
from streamrec_explain.models.session_kinds import training_config
from streamrec_explain.models.session_protocol import KINDS
from streamrec_explain.statistics.bootstrap import Estimate


@dataclass(frozen=True)
class ModelComparison:
    """Ranking, price after the re-ranker (None where it was left out), cost to serve, and the method table by kind."""

    ranking: RankingComparison
    reranker: RerankerPrice | None
    serving: tuple[ServingCost, ...]
    methods: dict[str, MethodTable]


@click.command()
@click.option("--world", type=click.Choice(WORLDS), default=SYNTHETIC, show_default=True, help="Kind of data.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the world's files.")
@click.option("--users", default=20_000, show_default=True, help="Size of the synthetic world.")
@click.option("--seeds", default=3, show_default=True, help="Models of each kind, from seed 0 on.")
@click.option("--cpu-seconds", default=300.0, show_default=True, help="Training time of each model, one thread.")
@click.option("--models", type=click.Path(path_type=Path), help="Keep trained models here and use kept ones.")
@click.option("--reranker/--no-reranker", default=True, show_default=True, help="Train the re-ranker with each score.")
@click.option("--methods", default=0, show_default=True, help="Cases of the attribution methods' table; 0: no table.")
@with_output
def compare_models(
    world: str,
    data: Path | None,
    users: int,
    seeds: int,
    cpu_seconds: float,
    models: Path | None,
    reranker: bool,
    methods: int,
    output: Output,
) -> None:
    """Train the additive model and the transformer for equal CPU time and tell what each ranks, adds and costs.

    Leave-one-out over the full catalogue, seen items excluded; intervals are paired bootstraps over users. The
    re-ranker, the cost to serve and the table of attribution methods are told for seed 0.

    Exit codes: 0 compared, 1 failed, 2 bad input (nothing was trained).
    """
    events = read_world(world, data, scale=users).world
    history, phases = interactions(events), split_phases(events)
    contestants: dict[str, list[Contestant]] = {kind: [] for kind in KINDS}
    for seed in range(seeds):
        for kind, trained in contestants.items():
            trained.append(_contestant(kind, seed, history, phases, events.items.num_rows, cpu_seconds, models))
    first, second = (contestants[kind] for kind in KINDS)
    ranking = compare_ranking(first, second, history, phases)
    click.echo("\n".join(_ranking(ranking)), err=True)
    pair = {kind: trained[0].model for kind, trained in contestants.items()}
    catalogue = Catalogue.from_items(events.items)
    price = reranker_price(events, DEFAULT_SPEC, catalogue, pair, phases, seed=0) if reranker else None
    costs = serving_costs(pair, np.random.default_rng(0), time.process_time)
    truth = planted_truth(users) if methods and world == SYNTHETIC else None
    cases = held_out_cases(history, phases, methods, np.random.default_rng(0), truth)
    tables = {kind: method_table(model, cases, np.random.default_rng(0)) for kind, model in pair.items() if cases}
    found = ModelComparison(ranking, price, costs, tables)
    output.show("\n".join(_lines(found)), found)


def _contestant(
    kind: str, seed: int, history: Interactions, phases: Phases, n_items: int, seconds: float, folder: Path | None
) -> Contestant:
    """A model from `folder` if it is there, else trained, told about on standard error, and kept there."""
    stem = f"{kind}-seed{seed}-{seconds:g}s"
    if folder is not None and (folder / f"{stem}.json").exists():
        training = msgspec.json.decode((folder / f"{stem}.json").read_bytes(), type=Training)
        return Contestant(training, load_session_model(folder / f"{stem}.npz"))
    config = training_config(kind, seed, threads=1)
    made = train_for(kind, history, phases, n_items, config, seconds, time.process_time)
    click.echo(_training(made.training), err=True)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        made.model.save(folder / f"{stem}.npz")
        (folder / f"{stem}.json").write_bytes(msgspec.json.encode(made.training))
    return made


def _training(made: Training) -> str:
    return (
        f"{made.kind:<12} seed {made.seed}: {made.steps} steps in {made.epochs} epochs, {made.seconds:.0f} s, "
        f"loss {made.loss:.3f} nats"
    )


def _said(estimate: Estimate) -> str:
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


def _ranking(found: RankingComparison) -> Iterator[str]:
    yield f"leave-one-out over {found.n_items} items, {found.users} users (95% intervals, paired bootstrap over users)"
    for run in found.runs:
        yield f"  {_training(run.training)}"
        yield f"  {'':<12} HR@10 {_said(run.hr_at_10)}  NDCG@10 {_said(run.ndcg_at_10)}"
    yield f"  {found.best_baseline:<22} NDCG@10 {_said(found.baseline_ndcg_at_10)}"
    for kind in found.kinds:
        yield f"  {kind.kind:<22} NDCG@10 {_said(kind.ndcg_at_10)}, gain over it {_said(kind.gain_over_baseline)}"
    first, second = (kind.kind for kind in found.kinds)
    yield f"  {first} / {second}: {_said(found.ratio)}; {first} - {second}: {_said(found.difference)}"


def _reranker(found: RerankerPrice) -> Iterator[str]:
    yield f"after the re-ranker, {found.rows} test rows, means over {found.auc_difference.n} users with both labels"
    for place, kind in enumerate(found.kinds):
        auc, ndcg = found.within_user_auc[place], found.within_user_ndcg[place]
        yield f"  {kind:<12} within-user AUC {_said(auc)}  NDCG {_said(ndcg)}"
    yield f"  difference   within-user AUC {_said(found.auc_difference)}  NDCG {_said(found.ndcg_difference)}"


def _serving(costs: tuple[ServingCost, ...]) -> Iterator[str]:
    yield f"CPU microseconds for a list of 20 after 50 events, median of {costs[0].n} interleaved repeats"
    for cost in costs:
        yield f"  {cost.kind:<12} scores {cost.scores_us:.0f}, effects of every item {cost.effects_us:.0f}"


def _methods(kind: str, table: MethodTable) -> Iterator[str]:
    yield (
        f"the two items a method names, {kind}, {table.n} cases (IG of {table.gradients_rejected} rejected, "
        f"median {table.median_steps} steps)"
    )
    for row in table.rows:
        yield f"  {row.method:<21} top two by removal {row.strict}; both raise the score {row.both_raise}"
        yield f"  {'':<21} both in the top five by |IG| {row.case_study}; planted cause {row.planted}"


def _lines(found: ModelComparison) -> Iterator[str]:
    yield from _ranking(found.ranking)
    if found.reranker is not None:
        yield from _reranker(found.reranker)
    yield from _serving(found.serving)
    for kind, table in found.methods.items():
        yield from _methods(kind, table)
