"""Warming: a fresh process compiles everything before its first request."""

import json
import subprocess
import sys
from pathlib import Path

from tests.serving.deployments import Deployment


def test_no_request_pays_for_compilation(deployment: Deployment, tmp_path: Path) -> None:
    """Lists and histories of every kind of length find all kernels compiled."""
    lengths = ((1, 0), (2, 1), (20, 50), (30, 300))
    bodies = [deployment.asked(size, size=size, length=length, boosted=size > 1) for size, length in lengths]
    (tmp_path / "bodies.json").write_text(json.dumps(bodies))
    command = [
        sys.executable,
        "-m",
        "tests.serving.overloads_watch",
        str(deployment.root),
        str(tmp_path / "bodies.json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    before, during = json.loads(done.stdout)
    assert before > 5
    assert 0 == during
