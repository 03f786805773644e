"""The bundle of a release candidate: what goes into it and what pins it."""

import subprocess
from collections.abc import Mapping
from importlib.metadata import version as library_version
from pathlib import Path

from orchestration.values import ComponentVersion
from streamrec_explain.events.world import World
from streamrec_explain.release.manifest import Pins, WorldPin

LIBRARIES = ("captum", "lightgbm", "mlflow", "numba", "numpy", "shap", "torch")


def world_pin(world: World) -> WorldPin:
    """The world a release learnt from, with the digest of each table."""
    return WorldPin(world.name, world.digests)


def pins(parts: Mapping[str, ComponentVersion], spec_digest: str, dagster_run: str) -> Pins:
    """Component versions, the runs that made them, libraries, code."""
    return Pins(
        components={part.name: part.version for part in parts.values()},
        runs={step: part.run_id for step, part in parts.items()},
        feature_spec=spec_digest,
        libraries={name: library_version(name) for name in LIBRARIES},
        dagster_run=dagster_run,
        git_commit=git_commit(),
    )


def git_commit() -> str | None:
    """The commit the code stands at, with "-dirty" if files differ from it; None outside a repository."""
    here = Path(__file__).parent
    head = _git(here, "rev-parse", "HEAD")
    return head and head + ("-dirty" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
