"""The commands that look at a trained home, and the service they start."""

import json
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from streamrec_explain.cli.service_process import HOST, ServiceClient, free_port, wait_ready
from streamrec_explain.records import EXPLANATION_TYPES
from tests.end_to_end.conftest import CommandLine
from tests.end_to_end.running import RunningService


def user_of(body: bytes) -> str:
    """The user that a request is about."""
    return str(json.loads(body)["user_id"])


def test_explain_without_a_server(copy: CommandLine, bodies: list[bytes]) -> None:
    """A list of 20 with the champion, in the asked language; nothing is logged."""
    said = copy.json("explain", "--user", user_of(bodies[0]), "--locale", "de")
    assert (20, True) == (len(said), {each["explanation_type"] for each in said} <= set(EXPLANATION_TYPES))
    assert not (copy.home / "journal").exists()


def test_explain_an_unknown_user(copy: CommandLine) -> None:
    """Bad input, said by name."""
    done = copy.run("explain", "--user", "nobody")
    assert (2, "") == (done.exit_code, done.stdout)
    assert "'nobody'" in done.stderr


def test_the_service_says_the_same_as_explain(copy: CommandLine, service: RunningService, bodies: list[bytes]) -> None:
    """One engine behind both; the service resolves the features that the request leaves out."""
    answer = ServiceClient(service.port).explain(bodies[0])["explanations"]
    flags = [each["flags"] for each in answer]
    assert ([[]] * 20, 20) == (flags, len({each["item_id"] for each in answer}))


@pytest.mark.parametrize("shipped", [False, True])
def test_query_by_user(copy: CommandLine, service: RunningService, bodies: list[bytes], shipped: bool) -> None:
    """A user's explanations are found by the plain id, in the journal and in the table; another user's are not."""
    for body in bodies[:2]:
        ServiceClient(service.port).explain(body)
    if shipped:
        copy.json("audit-log", "ship")
    found = copy.json("audit-log", "query", "--user", user_of(bodies[0]))["entries"]
    assert {f"e2e-0.{position}" for position in range(20)} == {each["explanation_id"] for each in found}
    assert {"hot" if shipped else "journal"} == {each["tier"] for each in found}


def test_a_person_is_erased_from_a_trained_home(
    copy: CommandLine, service: RunningService, bodies: list[bytes]
) -> None:
    """Explained, exported, erased: no file of the home names them, and what can be read of the others is read."""
    user, others = user_of(bodies[0]), user_of(bodies[1])
    for body in bodies[:2]:
        ServiceClient(service.port).explain(body)
    copy.json("audit-log", "ship")
    held = copy.json("audit-log", "export", user)
    assert (1, 1, True) == (len(held["requests"]), len(held["snapshots"]), len(held["events"]["impressions"]) > 0)
    done = copy.json("audit-log", "erase", user, "--apply")
    assert ([], []) == (done["left"], done["to_do"])  # a synthetic world has no source
    held = copy.json("audit-log", "export", user)
    assert ([], [], {}) == (held["requests"], held["snapshots"], held["events"])
    assert 2 == copy.run("explain", "--user", user).exit_code
    assert 20 == len(copy.json("explain", "--user", others))


def test_a_hostile_body_is_refused_by_field(service: RunningService) -> None:
    """The error names the field; the service lives on."""
    client = ServiceClient(service.port)
    status, answer = client.post("/v1/explanations", b'{"user_id": 7}')
    assert (422, "user_id", 200) == (status, answer["field"], client.get("/readyz")[0])


def test_serve_ends_with_the_command(copy: CommandLine, tmp_path: Path) -> None:
    """SIGTERM to `streamrec serve` ends the service itself, with 0."""
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(copy.command("serve", f"--port={port}"), stderr=stream)
    wait_ready(process, port, log)
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(timeout=30)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port))


def test_busy_port(copy: CommandLine, service: RunningService) -> None:
    """`up` starts nothing and names port and program; `serve` names the port."""
    up = copy.run("up", f"--service-port={service.port}")
    assert (2, True) == (up.exit_code, f"{service.port} (service)" in up.stderr)
    serve = subprocess.run(copy.command("serve", f"--port={service.port}"), capture_output=True, text=True, check=False)
    assert (3, True) == (serve.returncode, f"port {service.port}" in serve.stderr)
