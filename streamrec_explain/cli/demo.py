"""`streamrec demo`: the whole mission once, from events to a replayed sentence."""

import statistics
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from tqdm import tqdm

from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.cli.demo_lists import DemoLists, request_body
from streamrec_explain.cli.options import home_option, now_ms, user_name
from streamrec_explain.cli.output import Output, with_output
from streamrec_explain.cli.promote import promoter
from streamrec_explain.cli.replay import replay_of, replayed
from streamrec_explain.cli.service_process import ServiceClient, running_service
from streamrec_explain.cli.stored import audit_tables
from streamrec_explain.cli.trace import trace_of, traced
from streamrec_explain.cli.train import run_training
from streamrec_explain.cli.training_report import TrainingReport, in_words
from streamrec_explain.errors import StreamRecError
from streamrec_explain.events.readers import WORLDS
from streamrec_explain.home import Home
from streamrec_explain.release.model_version import ModelVersion
from streamrec_explain.replay import Replay
from streamrec_explain.trace import Trace

LISTS = 200
SHOWN = 10
AUDITED = 400


@dataclass(frozen=True)
class Said:
    """One sentence of the demo."""

    explanation_id: str
    title: str
    explanation_type: str
    text: str


@dataclass(frozen=True)
class Tour:
    """What the demo found: the JSON of the command."""

    model_version: str
    overridden: bool
    metrics: TrainingReport
    type_mix: dict[str, int]
    sentences: list[Said]
    explanation_id: str
    milliseconds_per_list: dict[str, float]
    shipped_rows: int
    trace: Trace
    replay: Replay
    seconds: float


@click.command()
@click.option("--world", type=click.Choice(WORLDS), default="synthetic", show_default=True, help="Kind of data.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the world's files.")
@home_option
@click.option("--users", default=1200, show_default=True, help="Size of the synthetic world.")
@click.option("--seed", default=0, show_default=True, help="Equal seeds give equal models.")
@with_output
def demo(world: str, data: Path | None, home: Path, users: int, seed: int, output: Output) -> None:
    """Train, promote, serve over HTTP, explain 200 lists, ship, trace one, replay one, and show it all.

    A release that a gate refuses is promoted all the same, with the reason in the promotion ledger, and said so.
    Exit codes: 0 done, 1 failed, 2 bad input.
    """
    started = time.monotonic()
    _say(f"training on the {world} world (the default one takes one to two minutes)")
    folder = None if data is None else str(data)
    report = run_training(home, world=world, data=folder, users=users, seed=seed, audited=AUDITED)
    overridden = _ensure_champion(home, report)
    _say(f"serving {report.model_version} and explaining {LISTS} lists over HTTP")
    lists = DemoLists(home, seed)
    with running_service(home, Home(home).root / "service.log") as client:
        answers, milliseconds = _explain(client, lists, report.model_version)
    _say("shipping the journal into the audit table, tracing and replaying")
    hot, _ = audit_tables(home)
    rows = sum(each.rows for each in ship_folder(Home(home).journal, hot, clock=now_ms))
    tour = _tour(home, report, overridden, lists, answers, milliseconds, rows, started)
    output.show(_told(tour), msgspec.to_builtins(tour))


def _ensure_champion(home: Path, report: TrainingReport) -> bool:
    """Promote with an override what the gates refuse; whether that was needed."""
    if report.promoted:
        return False
    refused = ", ".join(each["gate"] for each in report.gates if not each["passed"])
    _say(f"the gates refuse this release ({refused}); the demo overrides them, which the ledger keeps")
    why = f"demo on data that misses the bound of {refused}"
    version = ModelVersion.parse(report.model_version).version
    promoter(home).promote(version, who=user_name(), why=why, override=True)
    return True


def _explain(client: ServiceClient, lists: DemoLists, model_version: str) -> tuple[list[Any], list[float]]:
    """The answers to the sampled lists and how long each took (ms)."""
    _await_release(client, model_version)
    answers, milliseconds = [], []
    for number, (user_id, context) in enumerate(tqdm(lists.sampled(LISTS), total=LISTS, unit="list", disable=None)):
        body = request_body(user_id, context, f"demo-{now_ms()}-{number}")
        before = time.perf_counter()
        answers.append(client.explain(body))
        milliseconds.append(1000 * (time.perf_counter() - before))
    return answers, milliseconds


def _await_release(client: ServiceClient, model_version: str) -> None:
    for _ in range(100):
        if client.get("/v1/release")[1]["model_version"] == model_version:
            return
        time.sleep(0.1)
    raise StreamRecError(f"the service did not take up {model_version} within 10 s; see its log")


def _tour(
    home: Path,
    report: TrainingReport,
    overridden: bool,
    lists: DemoLists,
    answers: list[Any],
    milliseconds: list[float],
    rows: int,
    started: float,
) -> Tour:
    said = [each for answer in answers for each in answer["explanations"]]
    chosen = _varied(said)
    identifier = chosen[0]["explanation_id"]
    replay = replay_of(home, identifier)
    replay.raise_unless_identical()
    catalogue = lists.catalogue
    sentences = [
        Said(
            each["explanation_id"],
            catalogue.titles[catalogue.code(each["item_id"])] or each["item_id"],
            each["explanation_type"],
            each["text"],
        )
        for each in chosen
    ]
    cuts = statistics.quantiles(milliseconds, n=100)
    return Tour(
        model_version=report.model_version,
        overridden=overridden,
        metrics=report,
        type_mix=dict(Counter(each["explanation_type"] for each in said).most_common()),
        sentences=sentences,
        explanation_id=identifier,
        milliseconds_per_list={"median": statistics.median(milliseconds), "p99": cuts[98]},
        shipped_rows=rows,
        trace=trace_of(home, identifier),
        replay=replay,
        seconds=round(time.monotonic() - started, 1),
    )


def _varied(said: list[Any]) -> list[Any]:
    """Ten explanations that take turns between the types, a history sentence first."""
    by_type: dict[str, list[Any]] = {}
    for each in sorted(said, key=lambda each: each["explanation_type"] != "watch_history"):
        by_type.setdefault(each["explanation_type"], []).append(each)
    turns = [pile[turn] for turn in range(SHOWN) for pile in by_type.values() if turn < len(pile)]
    return turns[:SHOWN]


def _told(tour: Tour) -> str:
    total = sum(tour.type_mix.values())
    mix = ", ".join(f"{kind} {100 * count / total:.1f}%" for kind, count in tour.type_mix.items())
    speed = tour.milliseconds_per_list
    lines = [in_words(tour.metrics)]
    if tour.overridden:
        lines.append("promoted by override: a gate refuses it, and the promotion ledger says why it was done")
    lines += ["", "ten sentences"]
    lines += [f"  {each.title}\n      {each.text}   ({each.explanation_type})" for each in tour.sentences]
    lines += ["", f"types of {total} explanations: {mix}"]
    lines += [f"a list of 20 over HTTP, durably logged: median {speed['median']:.1f} ms, p99 {speed['p99']:.1f} ms"]
    lines += ["", traced(tour.trace), "", replayed(tour.replay)]
    lines += [
        "",
        f"done in {tour.seconds:.0f} s. Where to click next: `make up`, then",
        "  http://127.0.0.1:3000/asset-groups   the graph that made this release",
        "  http://127.0.0.1:5000/#/models       the registered release, its gates and runs",
        "  http://127.0.0.1:8000/docs           the service",
        f"  http://127.0.0.1:8001/v1/explanations/{tour.explanation_id}   the trace of the first sentence",
    ]
    return "\n".join(lines)


def _say(text: str) -> None:
    click.echo(text, err=True)
