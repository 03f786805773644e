"""The whole mission on a tiny world: train, refuse, override, serve, die, ship, trace, replay."""

import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrec_explain.cli.demo_lists import DemoLists, request_body
from streamrec_explain.cli.service_process import ServiceClient, command, free_port, wait_ready
from tests.end_to_end.conftest import CommandLine


class RunningService:
    """The service of a home as a process that can be killed and started again on the same port."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.start()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        log = self.home / "service.log"
        with log.open("ab") as stream:
            started = command("explain", self.home, self.port)
            self.process = subprocess.Popen(started, stderr=stream, stdin=subprocess.DEVNULL)
        wait_ready(self.process, self.port, log)

    def kill(self) -> None:
        """End it as a power failure would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def service(champion: CommandLine) -> Iterator[RunningService]:
    """The service of the trained home."""
    running = RunningService(champion.home)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def bodies(champion: CommandLine) -> list[bytes]:
    """Requests for a few lists."""
    sampled = DemoLists(champion.home, seed=0).sampled(4)
    return [request_body(user, context, f"e2e-{number}") for number, (user, context) in enumerate(sampled)]


def test_gates_refuse_and_only_an_override_promotes(trained: CommandLine) -> None:
    """Promotion launched alone after a failed gate exits 3; an override needs a reason and is in the ledger."""
    gates = trained.json("releases")["releases"][0]["gates"]  # type: ignore[index]
    assert 6 == len(gates)
    if all(gates.values()):
        pytest.skip("every gate passed at this size")
    assert 3 == trained.run("promote", "1").returncode
    assert 2 == trained.run("promote", "1", "--override").returncode
    trained.json("promote", "1", "--override", "--reason", "a tiny world")
    entry = trained.json("releases")["ledger"][0]  # type: ignore[index]
    assert ("a tiny world", True) == (entry["why"], entry["overridden"])


def test_acknowledged_explanations_survive_kill_9(service: RunningService, bodies: list[bytes]) -> None:
    """After kill -9 and a restart the same request gets the same answer, so it was durable before it left."""
    before = [ServiceClient(service.port).explain(body) for body in bodies]
    service.kill()
    service.start()
    assert before == [ServiceClient(service.port).explain(body) for body in bodies]


def test_a_retry_leaves_one_entry(champion: CommandLine, service: RunningService, bodies: list[bytes]) -> None:
    """Three times the same request id is one record in the journal."""
    for _ in range(3):
        ServiceClient(service.port).explain(bodies[0])
    journals = list((champion.home / "journal").glob("*.sqlite"))
    counted = [
        sqlite3.connect(each).execute("SELECT count(*) FROM records WHERE request_id = 'e2e-0'").fetchone()[0]
        for each in journals
    ]
    assert 1 == sum(counted)


def test_trace_and_replay_from_journal_and_table(
    champion: CommandLine, service: RunningService, bodies: list[bytes]
) -> None:
    """Every link resolves and the bytes are the same, before shipping and after."""
    said = ServiceClient(service.port).explain(bodies[1])["explanations"][0]
    for source in ("journal", "hot"):
        trace = champion.json("trace", said["explanation_id"])
        assert [] == trace["unresolved"]  # type: ignore[index]
        assert 3 == len(trace["release"]["components"]) == len(trace["release"]["runs"])  # type: ignore[index]
        replay = champion.json("replay", said["explanation_id"])
        assert (True, said["text"]) == (replay["identical"], replay["explanation"]["text"])  # type: ignore[index]
        if source == "journal":
            champion.json("audit-log", "ship")
            for journal in (champion.home / "journal").glob("*.sqlite"):
                with sqlite3.connect(journal) as db:
                    db.execute("DELETE FROM records WHERE request_id = 'e2e-1'")
        else:
            assert "hot" == trace["found_in"]  # type: ignore[index]


def test_a_hostile_body_is_refused_by_field(service: RunningService) -> None:
    """The error names the field; the service lives on."""
    status, answer = ServiceClient(service.port).post("/v1/explanations", b'{"user_id": 7}')
    assert (422, "user_id") == (status, answer["field"])
    assert 200 == ServiceClient(service.port).get("/readyz")[0]


def test_a_corrupted_release_is_named_and_the_replay_refused(champion: CommandLine) -> None:
    """One changed byte in the cached bundle: it is fetched again; one in the registry's: refused by file name."""
    for model in champion.home.glob("mlartifacts/**/reranker.txt"):
        if (model.parent / "release.json").exists():
            model.write_text(model.read_text().replace("leaf_value=", "leaf_value= ", 1))
    for cached in (champion.home / "releases").glob("*@*/reranker.txt"):
        cached.write_text(cached.read_text() + "\n")
    done = champion.run("replay", "e2e-2.0", "--json")
    assert 1 == done.returncode
    assert "reranker.txt" == json.loads(done.stdout)["error"]["file"]


def test_up_names_the_busy_port(champion: CommandLine, service: RunningService) -> None:
    """Nothing is started when a port is taken."""
    done = champion.run("up", f"--service-port={service.port}")
    assert 2 == done.returncode
    assert f"{service.port} (service)" in done.stderr
