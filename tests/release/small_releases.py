"""Small bundles and gate results: real files and real bounds, without models."""

from collections.abc import Mapping
from pathlib import Path

from streamrec_explain.release.bundle import Writer, write_bundle
from streamrec_explain.release.gates import GATES, GATES_FILE, GateBounds, GateResult
from streamrec_explain.release.manifest import Pins, WorldPin
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.promotion import Promoter
from streamrec_explain.release.registration import RunKey

BOUNDS = GateBounds.packaged()
WORLD = WorldPin("synthetic", {"impressions": "a" * 64})
PINS = Pins(
    components={"streamrec-reranker": 1}, runs={"reranker": "r1"}, feature_spec="b" * 64, libraries={"numpy": "2.4"}
)
GOOD_VALUES = {
    "data_contract": 0.0,
    "leakage": 0.0,
    "explainer_conformance": 1e-13,
    "ranking_vs_baselines": 0.02,
    "ranking_vs_champion": 0.001,
    "faithfulness": 0.95,
}


def write_small_bundle(folder: Path, name: str = "first", more: Mapping[str, bytes | Writer] | None = None) -> str:
    """A bundle of one text, one file in a folder and the gate bounds; returns its digest."""
    contents = {"model.txt": name.encode(), "explainer/arrays.bin": b"\x00\x01", GATES_FILE: BOUNDS.to_json()}
    return write_bundle(folder, {**contents, **(more or {})}, created_ms=1_000, world=WORLD, pins=PINS)


def gate_results(**values: float) -> tuple[GateResult, ...]:
    """Good results for every gate, but for the values given."""
    return tuple(BOUNDS.judge(gate, (GOOD_VALUES | values)[gate]) for gate in GATES)


def register_small_release(registry: MlflowRegistry, folder: Path, name: str) -> int:
    """Write and register a bundle without gate results; returns its version."""
    write_small_bundle(folder / name, name)
    with registry.run(RunKey("root", f"release {name}")) as run:
        return registry.register_release(folder / name, run.run_id)


def add_release(registry: MlflowRegistry, folder: Path, name: str, champion: int | None = None, **values: float) -> int:
    """Register a bundle and keep gate results on it, judged against a champion; returns its version."""
    version = register_small_release(registry, folder, name)
    registry.record_gates(version, gate_results(**values), champion)
    return version


def promote(promoter: Promoter, *versions: int) -> None:
    """Promote versions one after another."""
    for version in versions:
        promoter.promote(version, who="ada", why="better")


def aliases(registry: MlflowRegistry) -> tuple[int | None, int | None]:
    """Champion and previous champion."""
    return registry.alias("champion"), registry.alias("previous")
