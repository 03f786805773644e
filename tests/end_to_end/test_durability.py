"""What was acknowledged is never lost: kill -9 under traffic, then ship, trace and replay."""

import shutil
from pathlib import Path

from streamrec_explain.audit_log.questions.lookup import AuditLog
from streamrec_explain.audit_log.questions.queries import EntryFilter
from streamrec_explain.cli.service_process import ServiceClient
from streamrec_explain.cli.stored import audit_log_of
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.home import Home
from streamrec_explain.release.components import load_components
from streamrec_explain.replay import replay
from tests.end_to_end.conftest import CommandLine
from tests.end_to_end.running import RunningService, Traffic, wait_until

ALL = EntryFilter()


def interrupted(service: RunningService, body: bytes) -> Traffic:
    """Traffic during which the service was killed and started again."""
    traffic = Traffic(service.port, body, "busy")
    traffic.start()
    wait_until(lambda: len(traffic.answers) >= 20, 30)
    service.kill()
    traffic.join(timeout=30)
    service.start()
    return traffic


def found_sources(log: AuditLog, request_ids: list[str]) -> set[str]:
    """Where the requests are found; EntryNotFoundError if one is missing."""
    return {log.find_request(each).source for each in request_ids}


def test_nothing_acknowledged_is_missing(service: RunningService, bodies: list[bytes]) -> None:
    """After kill -9 under traffic every acknowledged request is in the journal and is answered the same again."""
    traffic = interrupted(service, bodies[0])
    assert {"journal"} == found_sources(audit_log_of(service.home), list(traffic.answers))
    client = ServiceClient(service.port)
    assert traffic.answers == {each: client.explain(traffic.asked(each)) for each in traffic.answers}


def test_everything_acknowledged_is_shipped_once(
    copy: CommandLine, service: RunningService, bodies: list[bytes]
) -> None:
    """Shipped while the service answers: each explanation is one row, shipping again adds none."""
    traffic = interrupted(service, bodies[0])
    copy.json("audit-log", "ship")
    assert [0] == [each["rows"] for each in copy.json("audit-log", "ship")]
    rows = audit_log_of(copy.home).entries(ALL, limit=100_000).entries
    acknowledged = {each["explanation_id"] for answer in traffic.answers.values() for each in answer["explanations"]}
    assert {"hot"} == {row.tier for row in rows}
    assert acknowledged <= {row.explanation_id for row in rows}
    assert len(rows) == len({row.explanation_id for row in rows})


def test_trace_and_replay_from_journal_and_table(
    copy: CommandLine, service: RunningService, bodies: list[bytes], tmp_path: Path
) -> None:
    """Every link resolves and every byte is the same, while the entry waits and when only the table has it."""
    said = ServiceClient(service.port).explain(bodies[1])["explanations"]
    for tier in ("journal", "hot"):
        assert tier == traced_and_replayed(copy, said[0])
        copy.json("audit-log", "ship")
        if tier == "journal":
            shutil.move(copy.home / "journal", tmp_path / "lost")


def traced_and_replayed(line: CommandLine, said: dict[str, str]) -> str:
    """Check one explanation against trace and replay; where it was found."""
    trace, again = (line.json(each, said["explanation_id"]) for each in ("trace", "replay"))
    release = trace["release"]
    assert ([], 3, 3) == (trace["unresolved"], len(release["components"]), len(release["runs"]))
    assert {"FINISHED"} == {run["status"] for run in release["runs"]}
    assert {release["dagster_run"]} == {run["dagster_run"] for run in release["runs"]}
    assert (True, said["text"]) == (again["identical"], again["explanation"]["text"])
    assert again["logged_sha256"] == again["replayed_sha256"]
    return str(trace["found_in"])


def test_every_sentence_of_a_list_replays(
    copy: CommandLine, service: RunningService, bodies: list[bytes], registered: Path
) -> None:
    """Whatever was said of an item, not only of the first."""
    said = ServiceClient(service.port).explain(bodies[2])["explanations"]
    logged = audit_log_of(copy.home).find_request("e2e-2").request
    bundle = load_components(registered)
    trends = TrendArchive(Home(copy.home).trends)
    replays = [replay(logged, each["position"], bundle, trends) for each in said]
    assert [(True, each["text"]) for each in said] == [(each.identical, each.explanation.text) for each in replays]
