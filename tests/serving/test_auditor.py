"""The auditor's app: traces and questions, in the journal and in the table, by those who may ask."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from serving.auditor import create_auditor
from serving.keys import key_ring
from serving.service import Service
from streamrec_explain.audit_log.custody.access_log import AccessLog
from streamrec_explain.audit_log.shipping.shipper import ship_folder
from streamrec_explain.audit_log.table.audit_table import AuditTable
from streamrec_explain.errors import SettingsError
from streamrec_explain.pseudonym import load_key_file
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import NOW_MS, Deployment

PATH = "/v1/explanations"
TOKEN = "a long enough secret"


def auditor_of(deployment: Deployment, **given: Any) -> AsgiClient:
    """The auditor of a deployment."""
    settings = deployment.settings(**given)
    return AsgiClient(create_auditor(settings, key_ring(settings, NOW_MS)))


@pytest.fixture
def auditor(client: AsgiClient, deployment: Deployment) -> AsgiClient:
    """An auditor after three lists of five were explained, two for ann and one for ben, one minute apart."""
    for number, user in enumerate(("ann", "ben", "ann")):
        moment = {"timestamp_ms": NOW_MS + 60_000 * number}
        asked = deployment.asked(number, size=5) | {"request_id": f"r{number}", "user_id": user, **moment}
        client.post(PATH, json=asked).raise_for_status()
    return auditor_of(deployment)


def ship(deployment: Deployment) -> None:
    """Move what waits into the hot table."""
    ship_folder(deployment.home.journal, AuditTable(deployment.home.audit_log_hot), clock=lambda: NOW_MS)


def found(auditor: AsgiClient, **query: Any) -> list[str]:
    """The ids of the entries that a question finds."""
    return [each["explanation_id"] for each in auditor.get(PATH, params=query).json()["entries"]]


def test_trace_finds_the_release(auditor: AsgiClient, service: Service, deployment: Deployment) -> None:
    """From journal and table alike an explanation leads to its release, and broken links are named."""
    before = auditor.get(f"{PATH}/r0.3").json()
    ship(deployment)
    service.worker.journal.close()
    next(deployment.home.journal.glob("*.sqlite")).unlink()
    after = auditor.get(f"{PATH}/r0.3").json()
    assert ("journal", "hot") == (before["found_in"], after["found_in"])
    assert service.slot.current().model_version == before["release"]["model_version"]
    assert before["release"] == after["release"]
    component, run = before["unresolved"]
    assert (True, True) == (component.startswith("component streamrec-reranker/1"), run.startswith("run r1"))


def test_unknown_explanation_is_404(auditor: AsgiClient) -> None:
    """Neither a request nor a position that does not exist, nor what is no id at all."""
    assert [404, 404, 404] == [auditor.get(f"{PATH}/{name}").status_code for name in ("never.1", "r0.9", "odd")]


@pytest.mark.parametrize("shipped", [False, True], ids=["waiting", "shipped"])
def test_questions(auditor: AsgiClient, deployment: Deployment, shipped: bool) -> None:
    """By user, item, time, type and release; the same from the journal as from the table."""
    if shipped:
        ship(deployment)
    ids = {f"r{number}.{position}" for number in range(3) for position in range(5)}
    everything = auditor.get(PATH).json()
    assert (ids, 15, False) == ({e["explanation_id"] for e in everything["entries"]}, 15, everything["truncated"])
    first = everything["entries"][0]
    assert {name for name in ids if name[:2] in ("r0", "r2")} == set(found(auditor, user_id="ann"))
    assert [] == found(auditor, user_id="nobody")
    for query, name in (("item_id", "item_id"), ("type", "explanation_type"), ("release", "model_version")):
        expected = {e["explanation_id"] for e in everything["entries"] if e[name] == first[name]}
        assert expected == set(found(auditor, **{query: first[name]}))
    assert [] == found(auditor, release="streamrec-release/9@00000000")
    second = {f"r1.{position}" for position in range(5)}
    assert second == set(found(auditor, **{"from": NOW_MS + 60_000, "to": NOW_MS + 120_000}))
    assert set() == set(found(auditor, **{"from": "2030-01-01"}))


def test_entry_is_found_once_while_it_is_being_shipped(auditor: AsgiClient, deployment: Deployment) -> None:
    """A batch that the table has and the journal has not marked yet is in both; the answer has it once."""
    ship(deployment)
    for path in deployment.home.journal.glob("*.sqlite"):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE batches SET shipped_ms = NULL")
    assert 15 == len(found(auditor)) == len(set(found(auditor)))


def test_limit_says_that_there_is_more(auditor: AsgiClient) -> None:
    """Exactly as many as asked for, and `truncated` only if some are left."""
    answers = [auditor.get(PATH, params={"limit": limit}).json() for limit in (14, 15)]
    assert [(14, True), (15, False)] == [(len(each["entries"]), each["truncated"]) for each in answers]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        pytest.param({"limit": 0}, "limit", id="no entries"),
        pytest.param({"limit": "many"}, "limit", id="limit in words"),
        pytest.param({"type": "guess"}, "type", id="unknown type"),
        pytest.param({"from": "yesterday"}, "from", id="no moment"),
        pytest.param({"to": "9" * 30}, "to", id="huge moment"),
        pytest.param({"item_id": "x" * 257}, "item_id", id="long id"),
    ],
)
def test_wrong_question_is_named(auditor: AsgiClient, query: dict[str, Any], field: str) -> None:
    """422 with the field."""
    refused = auditor.get(PATH, params=query)
    assert (422, field) == (refused.status_code, refused.json()["field"])


def test_hostile_text_is_only_a_value(auditor: AsgiClient, deployment: Deployment) -> None:
    """Quotes in a question do not become SQL."""
    ship(deployment)
    assert [] == found(auditor, item_id="x' OR '1'='1") == found(auditor, user_id="x') OR true --")


def test_questions_are_on_record_without_the_user(auditor: AsgiClient, deployment: Deployment) -> None:
    """Who asked what is written durably; the user is there as a keyed digest only."""
    found(auditor, user_id="ann", type="generic")
    auditor.get(f"{PATH}/r0.1")
    query, trace = AccessLog(deployment.home.accesses).accesses()
    assert ("local", "auditor app", "query", {"type": "generic"}) == (query.who, query.via, query.what, query.asked)
    assert ("trace", {"explanation_id": "r0.1"}) == (trace.what, trace.asked)
    ring = load_key_file(deployment.home.keys)
    assert (tuple(ring.subjects("ann").values()), ()) == (query.subjects, trace.subjects)
    text = deployment.home.accesses.read_text(encoding="utf-8")
    assert not [name for name in ("ann", *ring.pseudonyms("ann").values()) if name in text]


def test_a_question_that_cannot_be_recorded_is_not_answered(auditor: AsgiClient, deployment: Deployment) -> None:
    """The disk of the access log is gone."""
    deployment.home.accesses.mkdir()
    assert [500, 500] == [auditor.get(PATH).status_code, auditor.get(f"{PATH}/r0.1").status_code]


def test_strangers_are_turned_away(auditor: AsgiClient, deployment: Deployment, tmp_path: Path) -> None:
    """With auditors named, only their tokens open the door; the probe stays open."""
    path = tmp_path / "auditors.json"
    path.write_text(json.dumps({"eve": TOKEN}))
    path.chmod(0o600)
    guarded = auditor_of(deployment, auditors=path)
    headers: list[dict[str, str]] = [{}, {"Authorization": "Bearer guess"}, {"Authorization": f"Bearer {TOKEN}"}]
    assert [401, 401, 200] == [guarded.get(PATH, headers=each).status_code for each in headers]
    assert [401, 401, 200] == [guarded.get(f"{PATH}/r0.1", headers=each).status_code for each in headers]
    assert 200 == guarded.get("/livez").status_code


def test_auditor_beyond_this_machine_needs_names(deployment: Deployment, tmp_path: Path) -> None:
    """It does not even start."""
    settings = deployment.settings(host="0.0.0.0", keys=tmp_path / "keys.json")
    with pytest.raises(SettingsError, match="STREAMREC_AUDITORS"):
        create_auditor(settings, key_ring(deployment.settings(), NOW_MS))
