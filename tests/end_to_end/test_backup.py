"""After a restore an old explanation is traced and replayed, though the home it came from is gone."""

from pathlib import Path

from streamrec_explain.cli.service_process import ServiceClient
from tests.end_to_end.conftest import CommandLine
from tests.end_to_end.running import RunningService


def test_trace_and_replay_after_a_restore(
    copy: CommandLine, service: RunningService, bodies: list[bytes], tmp_path: Path
) -> None:
    """From the table, in another folder, while the service runs; its user is found by the plain id."""
    client = ServiceClient(service.port)
    for body in bodies[:2]:
        client.explain(body)
    copy.json("audit-log", "ship")
    copy.json("audit-log", "seal")
    copy.json("backup", str(tmp_path / "backup"))
    for name in ("journal", "audit_log", "keys.json", "mlflow.db", "releases"):
        (copy.home / name).rename(tmp_path / f"lost-{name}")
    restored = CommandLine(tmp_path / "restored")
    restored.json("restore", str(tmp_path / "backup"))
    assert [] == restored.json("trace", "e2e-1.3")["unresolved"]
    assert restored.json("replay", "e2e-1.3")["identical"]
    assert restored.json("audit-log", "verify")["sound"]
    for journal in (restored.home / "journal").glob("*"):
        journal.unlink()  # long after serving, the table alone has it
    assert "hot" == restored.json("trace", "e2e-0.0")["found_in"]
    assert restored.json("replay", "e2e-0.0")["identical"]
