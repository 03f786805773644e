"""The service as real processes: killed, ended, swapped under load, several on one port."""

import asyncio
import os
import shlex
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.run import listen, main
from streamrec_explain.audit_log.journal.reader import answer_in_folder, journal_paths
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.cli.service_process import shipper_command
from streamrec_explain.release.registration import CHAMPION
from tests.serving.deployments import Deployment
from tests.serving.processes import Running, launch, running


class Traffic(threading.Thread):
    """One request after another until the service is gone; keeps every answer, and what was refused."""

    def __init__(self, service: Running, body: dict[str, Any], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.answers: dict[str, bytes] = {}
        self.refusals: list[str] = []
        self._service = service
        self._body = body

    def run(self) -> None:
        """Ask until nobody answers."""
        with httpx.Client(base_url=self._service.url, timeout=30) as client:
            while True:
                body = self._body | {"request_id": f"{self.name}-{len(self.answers)}"}
                try:
                    response = client.post("/v1/explanations", json=body)
                except httpx.TransportError:
                    return
                if response.status_code != 200:
                    self.refusals.append(response.text)
                    return
                self.answers[body["request_id"]] = response.content


def started(service: Running, body: dict[str, Any], number: int) -> list[Traffic]:
    """That many threads of traffic."""
    threads = [Traffic(service, body, f"t{place}") for place in range(number)]
    for thread in threads:
        thread.start()
    return threads


def answers_of(threads: Sequence[Traffic]) -> dict[str, bytes]:
    """What all threads got."""
    return {name: answer for thread in threads for name, answer in thread.answers.items()}


def test_nothing_acknowledged_is_lost_when_killed(deployment: Deployment, tmp_path: Path) -> None:
    """After kill -9 under load every answer that left is in the journal, and a new process gives it again."""
    body = deployment.asked(size=10)
    with running(deployment, log=tmp_path / "first.log") as service:
        threads = started(service, body, 4)
        time.sleep(1.0)
        service.end(signal.SIGKILL)
        for thread in threads:
            thread.join(timeout=60)
    given = answers_of(threads)
    assert len(given) > 20
    assert given == {name: answer_in_folder(deployment.home.journal, name) for name in given}
    with running(deployment, log=tmp_path / "second.log") as again:
        for name in list(given)[:: len(given) // 5]:
            assert given[name] == again.post(body | {"request_id": name}).content
    assert 1 == len(journal_paths(deployment.home.journal))


def test_drained_service_answers_what_it_accepted(deployment: Deployment, tmp_path: Path) -> None:
    """SIGTERM under load: not ready at once, answers go on while draining, status 0, the journal is closed whole."""
    with running(deployment, log=tmp_path / "log", drain_s=1.0) as service:
        threads = started(service, deployment.asked(size=10), 2)
        time.sleep(0.3)
        service.process.terminate()
        time.sleep(0.3)
        draining, before = service.ready(), len(answers_of(threads))
        assert 0 == service.process.wait(timeout=60)
        for thread in threads:
            thread.join(timeout=60)
    given = answers_of(threads)
    assert (False, "the service is shutting down") == (draining["ready"], draining["reasons"][-1])
    assert len(given) > before
    # Every answer that was made durable has left, too: what is cut off was never read.
    assert set(given) == records(journal_paths(deployment.home.journal)[0])
    assert [] == [refusal for thread in threads for refusal in thread.refusals]


async def open_loop(url: str, body: dict[str, Any], rate: float, seconds: float) -> list[tuple[float, httpx.Response]]:
    """Requests at their intended times whatever the answers do; (seconds since the start, answer)."""

    async def one(client: httpx.AsyncClient, at_s: float) -> tuple[float, httpx.Response]:
        await asyncio.sleep(max(0.0, begin + at_s - time.perf_counter()))
        response = await client.post(f"{url}/v1/explanations", json=body)
        return time.perf_counter() - begin, response

    async with httpx.AsyncClient(timeout=30) as client:
        begin = time.perf_counter()
        return list(await asyncio.gather(*(one(client, n / rate) for n in range(int(rate * seconds)))))


def test_new_champion_is_served_within_five_seconds_and_nobody_notices(deployment: Deployment, tmp_path: Path) -> None:
    """At 50 requests/s two moves of the champion fail no request; each shows in the answers within 5 s."""

    def move(version: int) -> float:
        deployment.registry.set_alias(CHAMPION, version)
        return time.perf_counter()

    async def swapped_under_load() -> tuple[list[tuple[float, httpx.Response]], list[float]]:
        load = asyncio.create_task(open_loop(service.url, deployment.asked(size=20, length=50), 50, 9))
        begin, moved = time.perf_counter(), []
        for version in (2, 1):
            await asyncio.sleep(0.5)
            moved.append(await asyncio.to_thread(move, version) - begin)
            await asyncio.sleep(3.5)
        return await load, moved

    with running(deployment, log=tmp_path / "log") as service:
        deployment.registry.set_alias(CHAMPION, 1)  # the registry client is loaded before the clock runs
        answers, moved = asyncio.run(swapped_under_load())
    assert {200} == {response.status_code for _, response in answers}
    assert 450 == len(answers)
    assert [[]] * 20 == [each["flags"] for each in answers[-1][1].json()["explanations"]]
    versions = [(at, int(response.headers["X-Model-Version"].split("/")[1].split("@")[0])) for at, response in answers]
    second = [at for at, version in versions if version == 2]
    assert 0 < min(second) - moved[0] < 5
    assert 0 < max(second) - moved[1] < 5
    assert 1 == versions[-1][1]


def test_two_workers_answer_one_request_id_once(deployment: Deployment, tmp_path: Path) -> None:
    """The same id at both workers at the same time: one entry, one answer, byte for byte."""

    async def same_id_at_once(url: str, name: str) -> set[bytes]:
        body = deployment.asked(size=10) | {"request_id": name}
        clients = [httpx.AsyncClient(timeout=30) for _ in range(8)]  # the kernel spreads connections over workers
        found = await asyncio.gather(*(client.post(f"{url}/v1/explanations", json=body) for client in clients))
        for client in clients:
            await client.aclose()
        return {response.content for response in found}

    with running(deployment, "--workers", "2", log=tmp_path / "log") as service:
        paths = await_journals(deployment, 2)
        answers = [asyncio.run(same_id_at_once(service.url, f"same-{number}")) for number in range(10)]
        assert [1] * 10 == [len(each) for each in answers]
        assert 0 == service.end()
    held = [records(path) for path in paths]
    assert 10 == len(set().union(*held)) == sum(map(len, held))
    assert all(held)


def await_journals(deployment: Deployment, number: int) -> list[Path]:
    """The journals once that many workers have one and are ready."""
    deadline = time.monotonic() + 60
    while len(journal_paths(deployment.home.journal)) < number and time.monotonic() < deadline:
        time.sleep(0.05)
    return journal_paths(deployment.home.journal)


def records(path: Path) -> set[str]:
    """The request ids in a journal."""
    with sqlite3.connect(path) as connection:
        return {row[0] for row in connection.execute("SELECT request_id FROM records")}


@pytest.mark.skipif(sys.platform != "linux", reason="finds the shipper in /proc")
def test_a_killed_shipper_has_a_successor(deployment: Deployment, tmp_path: Path) -> None:
    """What is answered after kill -9 of the shipper is in the table all the same, and the death is told once."""
    command = shlex.join(shipper_command(deployment.root, "--every=0.2"))
    with running(deployment, "--shipper", command, log=tmp_path / "log") as service:
        os.kill(child_of(service, b"audit-log"), signal.SIGKILL)
        service.post(deployment.asked(size=10) | {"request_id": "later"}).raise_for_status()
        table = AuditTable(deployment.home.audit_log_hot)
        deadline = time.monotonic() + 60
        while table.find_request("later") is None and time.monotonic() < deadline:
            time.sleep(0.2)
        assert 10 == table.query("SELECT count(*) AS n FROM entries")["n"][0].as_py()
        successor = child_of(service, b"audit-log")
        assert 0 == service.end()
    assert not Path(f"/proc/{successor}").exists()
    told = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("shipper ")]
    assert ["ended with -9; starting another in 1 s"] == [line.split(" ", 2)[2] for line in told]


def child_of(service: Running, named: bytes) -> int:
    """The child of a service whose command line names this."""
    children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
    (found,) = (each for each in children if named in Path(f"/proc/{each}/cmdline").read_bytes())
    return int(found)


@pytest.mark.skipif(sys.platform != "linux", reason="finds the worker in /proc")
def test_a_killed_worker_has_a_successor(deployment: Deployment, tmp_path: Path) -> None:
    """Also a single one, where a shipper runs beside it: the port answers again."""
    command = shlex.join([sys.executable, "-c", "import time; time.sleep(600)"])
    with running(deployment, "--shipper", command, log=tmp_path / "log") as service:
        os.kill(child_of(service, b"serving.worker"), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while (status := _status(service, deployment)) != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert 200 == status


def _status(service: Running, deployment: Deployment) -> int:
    try:
        return service.post(deployment.asked(size=10)).status_code
    except httpx.TransportError:
        return 0


def test_busy_port_is_named(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """A port that another program has ends the start with status 3 and says which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for workers in ("1", "2"):
            arguments = ["explain", "--home", str(deployment.root), "--port", str(port), "--workers", workers]
            assert 3 == main(arguments)
            assert f"port {port} of 127.0.0.1 is busy" in capsys.readouterr().err


def test_unsafe_start_is_refused(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Beyond this machine the service does not start on a key ring of its own making."""
    assert 2 == main(["explain", "--home", str(deployment.root), "--host", "0.0.0.0", "--port", "0"])
    assert "STREAMREC_KEYS" in capsys.readouterr().err


def test_workers_share_a_port(deployment: Deployment) -> None:
    """Each worker has a listening socket of its own on the one port."""
    sockets = listen(deployment.settings(port=0), 3)
    assert 1 == len({each.getsockname() for each in sockets})
    assert [1, 1, 1] == [each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for each in sockets]
    for each in sockets:
        each.close()


def test_worker_that_cannot_start_says_why(deployment: Deployment, tmp_path: Path) -> None:
    """A key ring open to others ends the start with status 2 and what to do."""
    keys = tmp_path / "keys.json"
    keys.write_text("{}")
    keys.chmod(0o644)
    process = launch(deployment, log=tmp_path / "log", keys=keys)
    assert 2 == process.wait(timeout=60)
    assert "chmod 600" in (tmp_path / "log").read_text()
