"""The champion under traffic: refused, overridden, replaced, rolled back, damaged."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from streamrec_explain.cli.service_process import ServiceClient
from streamrec_explain.home import Home
from streamrec_explain.release.bundle import read_manifest, write_bundle
from streamrec_explain.release.mlflow_registry import MlflowRegistry
from streamrec_explain.release.registration import CHAMPION, RunKey
from streamrec_explain.release.registry_reader import open_reader
from tests.end_to_end.conftest import CommandLine
from tests.end_to_end.running import RunningService, Traffic, wait_until

WITHIN_S = 5.0


@pytest.fixture
def second(copy: CommandLine, registered: Path, tmp_path: Path) -> int:
    """Another release in the registry: the same models under the case study's policy, no gate judged."""
    manifest = read_manifest(registered)
    contents = {name: (registered / name).read_bytes() for name in manifest.files}
    contents["policy.json"] = json.dumps({"policy": "case_study"}).encode()
    folder, home = tmp_path / "second", Home(copy.home)
    write_bundle(folder, contents, created_ms=manifest.created_ms + 1, world=manifest.world, pins=manifest.pins)
    registry = MlflowRegistry.open(home.registry_uri, home.artifacts)
    with registry.run(RunKey("second", "release_candidate")) as run:
        return registry.register_release(folder, run.run_id)


@pytest.fixture
def damaged(registered: Path) -> Iterator[Path]:
    """The champion's re-ranker with one byte more in the registry's files; repaired afterwards."""
    file = registered / "reranker.txt"
    sound = file.read_bytes()
    file.write_bytes(sound + b"\n")
    yield file
    file.write_bytes(sound)


def served(port: int) -> str:
    """The release that the service answers with."""
    return str(ServiceClient(port).get("/v1/release")[1]["model_version"])


def test_gates_refuse_and_only_an_override_promotes(copy: CommandLine, second: int) -> None:
    """A promotion launched alone without passed gates exits 3; an override needs a reason, kept in the ledger."""
    assert 3 == copy.run("promote", str(second)).exit_code
    assert 2 == copy.run("promote", str(second), "--override").exit_code
    assert [1] == [each["to_version"] for each in copy.json("releases")["ledger"]]
    copy.json("promote", str(second), "--override", "--reason", "to compare policies")
    entry = copy.json("releases")["ledger"][0]
    assert (1, second) == (entry["from_version"], entry["to_version"])
    assert ("to compare policies", True) == (entry["why"], entry["overridden"])


def test_a_trained_candidate_misses_its_gates(trained: CommandLine) -> None:
    """So few users leave wide intervals: the verdicts on the version refuse it, by name."""
    refused = trained.run("promote", "1")
    gates = trained.json("releases")["releases"][0]["gates"]
    assert 6 == len(gates)
    assert 3 == refused.exit_code
    assert all(gate in refused.stderr for gate, passed in gates.items() if not passed)


def test_two_promotions_and_two_rollbacks_under_traffic(
    copy: CommandLine, second: int, service: RunningService, bodies: list[bytes]
) -> None:
    """Each move is served within 5 s, no request fails, every answer names one of the two releases."""
    first = served(service.port)
    traffic = Traffic(service.port, bodies[0], "moving")
    traffic.start()
    names = []
    for move in (("promote", str(second), "--override", "--reason", "try"), ("rollback",), ("rollback",)):
        names.append(copy.json(*move)["model_version"])
        wait_until(lambda name=names[-1]: served(service.port) == name, WITHIN_S)
    traffic.stop()
    assert ([first, names[0]], []) == (names[1:], traffic.refused)
    assert {first, names[0]} == {answer["model_version"] for answer in traffic.answers.values()}


def test_a_damaged_release_is_refused_by_file_name(copy: CommandLine, damaged: Path) -> None:
    """Nothing can be explained with it, and the error names the file."""
    done = copy.run("explain", "--user", "u000000", "--json")
    error = json.loads(done.stdout)["error"]
    assert (1, "CorruptReleaseError", damaged.name) == (done.exit_code, error["type"], error["file"])


def test_a_damaged_copy_is_fetched_again(copy: CommandLine, service: RunningService, bodies: list[bytes]) -> None:
    """The cache of a machine heals itself from the registry, so that the sentence still replays."""
    said = ServiceClient(service.port).explain(bodies[0])["explanations"][0]
    (cached,) = (copy.home / "releases").glob("*@*/reranker.txt")
    cached.write_text(cached.read_text() + "\n")
    assert copy.json("replay", said["explanation_id"])["identical"]


def test_the_old_release_serves_on_when_the_new_one_is_damaged(
    copy: CommandLine, second: int, service: RunningService
) -> None:
    """Neither promotion nor service takes it; both name the file."""
    first, home = served(service.port), Home(copy.home)
    location = open_reader(home.registry_uri).version(second).location or ""
    (Path(urlsplit(location).path) / "session_model.npz").write_bytes(b"damaged")
    done = copy.run("promote", str(second), "--override", "--reason", "try", "--json")
    assert (1, "session_model.npz") == (done.exit_code, json.loads(done.stdout)["error"]["file"])
    MlflowRegistry.open(home.registry_uri).set_alias(CHAMPION, second)  # as if damaged after its promotion
    wait_until(lambda: "session_model.npz" in str(ServiceClient(service.port).get("/readyz")), WITHIN_S)
    assert first == served(service.port)
