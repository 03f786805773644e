"""Pruning snapshots: what an entry, a hold or a service may need stays, the rest goes."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from streamrec_explain.audit_log.custody.holds import HoldScope
from streamrec_explain.audit_log.evidence.sealed_tree import Act
from streamrec_explain.audit_log.home_log import evidence_of, holds_of, log_of, seals_of
from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.cli.main import main
from streamrec_explain.errors import SnapshotNotFoundError
from streamrec_explain.features.snapshots import (
    TrendSnapshot,
    UserSnapshot,
    latest_trend_snapshot,
    write_snapshot,
)
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import create_key_file, load_key_file, new_key_ring
from streamrec_explain.replay import replay
from streamrec_explain.snapshot_retention import SnapshotPlan, apply_snapshots, plan_snapshots
from tests.audit_log.audit_requests import request
from tests.features.test_trend_archive import snapshot
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import Deployment

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS
ACT = Act("tester", 1, "case 7")


def written(path: Path, days_ago: float) -> Path:
    """A file that was written so long ago."""
    seconds = NOW_MS / 1000 - days_ago * 86_400
    os.utime(path, (seconds, seconds))
    return path


def of_users(number: int, *names: str) -> UserSnapshot:
    """A user snapshot of these people."""
    return UserSnapshot(number, ("x",), names, np.full((len(names), 1), float(number)))


class SnapshotHome:
    """A home whose trend snapshots 0 to 6 were written every third day, the last one today."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        create_key_file(self.home.keys, new_key_ring(1))
        self.trends = [snapshot(number) for number in range(7)]
        days_ago = range(18, -1, -3)
        paths = [write_snapshot(self.home.trends, each) for each in self.trends]
        self.files = [written(path, days) for path, days in zip(paths, days_ago, strict=True)]
        self.users = [write_snapshot(self.home.users, of_users(number, "ann", "ben")) for number in range(3)]
        for path, days in zip(self.users, (30, 20, 0), strict=True):
            written(path, days)

    def plan(self) -> SnapshotPlan:
        """The plan of today."""
        return plan_snapshots(self.home, log_of(self.home), holds_of(self.home), now_ms=NOW_MS)

    def apply(self, plan: SnapshotPlan) -> int:
        """Apply a plan."""
        log, holds, ledger = log_of(self.home), holds_of(self.home), evidence_of(self.home).ledger
        return apply_snapshots(plan, self.home, log, holds, ledger)

    def kept(self) -> list[int]:
        """The numbers of the trend snapshots that are there."""
        return [number for number, path in enumerate(self.files) if path.exists()]

    def append(self, number: int, trend: TrendSnapshot) -> None:
        """Let a request wait in the journal that names a snapshot."""
        with Journal(self.home.journal / "worker-0.sqlite", clock=lambda: 1) as journal:
            journal.append(request(number, trend_digest=trend.digest), b"answer")


@pytest.fixture
def filled(tmp_path: Path) -> SnapshotHome:
    """Entries name trend 0 in the cold table, 1 in the hot one, 2 in a journal."""
    made = SnapshotHome(tmp_path / "home")
    log = log_of(made.home)
    log.cold.append([request(0, trend_digest=made.trends[0].digest)])
    log.hot.append([request(1, trend_digest=made.trends[1].digest)])
    made.append(2, made.trends[2])
    return made


def test_what_entries_name_stays_and_what_was_replaced_lately(filled: SnapshotHome) -> None:
    """Age counts from when another took its place, not from when it was written."""
    plan = filled.plan()
    assert "kept: trends/0-" in str(plan)
    assert [0, 1, 2, 3, 4, 5, 6] == filled.kept()
    # Trend 3 was written nine days ago and replaced six days ago; users 0 was replaced 20 days ago, users 1 today.
    assert [filled.users[0]] == [each.path for each in plan.due]
    later = plan_snapshots(filled.home, log_of(filled.home), holds_of(filled.home), now_ms=NOW_MS + 2 * DAY_MS)
    assert [filled.files[3], filled.users[0]] == [each.path for each in later.due]
    assert 2 == filled.apply(later)
    assert [0, 1, 2, 4, 5, 6] == filled.kept()
    assert 0 == filled.apply(later)
    assert () == plan_snapshots(filled.home, log_of(filled.home), holds_of(filled.home), now_ms=NOW_MS + DAY_MS).due


def _years_later(filled: SnapshotHome) -> SnapshotPlan:
    return plan_snapshots(filled.home, log_of(filled.home), holds_of(filled.home), now_ms=NOW_MS + 900 * DAY_MS)


def test_the_latest_stays_however_old(filled: SnapshotHome) -> None:
    """With what entries name."""
    filled.apply(_years_later(filled))
    assert [0, 1, 2, 6] == filled.kept()
    assert [filled.users[2]] == [path for path in filled.users if path.exists()]
    assert filled.trends[6].digest == latest_trend_snapshot(filled.home.trends).digest


MEANWHILE: dict[str, Callable[[SnapshotHome], object]] = {
    "an entry names it": lambda filled: filled.append(9, filled.trends[4]),
    "it is written again": lambda filled: write_snapshot(filled.home.trends, filled.trends[4]),
    "it is deleted": lambda filled: filled.files[4].unlink(),
}


@pytest.mark.parametrize("happens", MEANWHILE.values(), ids=MEANWHILE)
def test_what_happens_after_the_plan_is_seen(filled: SnapshotHome, happens: Callable[[SnapshotHome], object]) -> None:
    """Only what is still needed by nothing goes."""
    plan = _years_later(filled)
    happens(filled)
    there = filled.files[4].exists()
    filled.apply(plan)
    assert there == filled.files[4].exists()
    assert not filled.files[3].exists()


@pytest.mark.parametrize("placed_first", [True, False])
def test_a_hold_on_a_person_keeps_their_snapshots(filled: SnapshotHome, placed_first: bool) -> None:
    """Placed before the plan or after it; a hold on somebody who is in none keeps none."""
    plan, keys = filled.plan(), load_key_file(filled.home.keys)

    def place(user: str) -> str:
        scope = HoldScope(user_id=user)
        return holds_of(filled.home).place(scope, keys=keys, signer=seals_of(filled.home).signer, act=ACT).hold_id

    place("nobody")
    held = place("ben")
    if placed_first:
        plan = filled.plan()
        assert f"kept: users/{filled.users[0].name}, needed by {held}" in str(plan)
    filled.apply(plan)
    assert filled.users[0].exists()
    holds_of(filled.home).release(held, signer=seals_of(filled.home).signer, act=ACT)
    filled.apply(filled.plan())
    assert not filled.users[0].exists()


def test_what_killed_writers_left_goes(filled: SnapshotHome) -> None:
    """User values lie in such files too."""
    torn = written(filled.home.users, 0) / ".9-abcdef01.arrow.1.tmp"
    torn.write_bytes(b"ann")
    written(torn, 8)
    filled.apply(filled.plan())
    assert not torn.exists()


def command(home: Home, *words: str) -> Result:
    """Run `streamrec audit-log prune-snapshots`."""
    given = ["audit-log", "prune-snapshots", *words, f"--home={home.root}"]
    return CliRunner().invoke(main, given, catch_exceptions=False)


def test_the_command_plans_then_applies(filled: SnapshotHome) -> None:
    """A dry run by default; refused where nothing was shipped, for then nothing is known of what entries name."""
    assert "nothing was changed" in command(filled.home).stdout
    assert [0, 1, 2, 3, 4, 5, 6] == filled.kept()
    done = msgspec.json.decode(command(filled.home, "--apply", "--json").stdout)
    assert 5 == done["applied"]  # trends 3, 4 and 5, users 0 and 1: today is long after
    assert [0, 1, 2, 6] == filled.kept()
    assert 0 == msgspec.json.decode(command(filled.home, "--apply", "--json").stdout)["applied"]
    assert 2 == command(filled.home, "--keep-days=0").exit_code


def test_nothing_goes_before_anything_was_shipped(tmp_path: Path) -> None:
    """The table of a store that is named wrongly looks as if it had never been written."""
    filled = SnapshotHome(tmp_path / "home")
    done = command(filled.home, "--apply")
    assert (1, True) == (done.exit_code, "nothing was shipped yet" in done.stderr)
    assert 7 == len(filled.kept())


def test_a_served_list_is_replayed_after_pruning(built: Deployment, tmp_path: Path) -> None:
    """Beside a running service: its answers name the snapshot they were made with, and that one is kept."""
    from serving.app import create_app

    deployment = built.copied(tmp_path / "home")
    service, home = deployment.service(), deployment.home
    service.slot.poll()
    client, first = AsgiClient(create_app(service)), latest_trend_snapshot(home.trends)
    body = deployment.asked(size=3)

    def listed(name: str) -> str:
        client.post("/v1/explanations", json=body | {"request_id": name}).raise_for_status()
        return str(log_of(home).find_request(name).request.trend_digest)

    def prune() -> None:
        # No days are kept: everything that was replaced may go.
        log, holds, ledger = log_of(home), holds_of(home), evidence_of(home).ledger
        plan = plan_snapshots(home, log, holds, now_ms=1 << 60, keep_days=0)
        apply_snapshots(plan, home, log, holds, ledger)

    assert first.digest == listed("before")
    second, third = (replace(first, as_of_ms=first.as_of_ms + hours * 3_600_000, digest="") for hours in (1, 2))
    write_snapshot(home.trends, second)
    write_snapshot(home.trends, third)
    service.slot.poll()
    prune()
    assert third.digest == listed("after")
    archive = TrendArchive(home.trends)
    with pytest.raises(SnapshotNotFoundError):
        archive(second.digest)  # nobody was ever answered with it
    for name in ("before", "after"):
        entry = log_of(home).find_entry(f"{name}.1")
        assert replay(entry.request, 1, service.slot.current().engine.bundle, archive).identical
    service.close()
