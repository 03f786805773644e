"""The routes of the service, with a real release, snapshots and journal behind them."""

from math import isnan

import msgspec
import pytest

from serving.app import create_app
from serving.service import Service
from serving.wire import SaidList
from streamrec_explain.explanation.engine import ExplanationEngine
from streamrec_explain.features.trend_archive import TrendArchive
from streamrec_explain.replay import logged_context, replay
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import Deployment

PATH = "/v1/explanations"


def test_list_is_explained(client: AsgiClient, deployment: Deployment) -> None:
    """Every item gets a sentence, in order, under the release that is named in the header too."""
    asked = deployment.asked(size=10)
    response = client.post(PATH, json={**asked, "request_id": "home-1"})
    said = msgspec.json.decode(response.content, type=SaidList)
    assert (200, said.model_version) == (response.status_code, response.headers["X-Model-Version"])
    assert [f"home-1.{n}" for n in range(10)] == [each.explanation_id for each in said.explanations]
    assert [item["item_id"] for item in asked["items"]] == [each.item_id for each in said.explanations]
    assert all(each.text and len(each.shap_top_features) == 5 for each in said.explanations)


def test_snapshots_stand_in_for_features_left_out(client: AsgiClient, deployment: Deployment) -> None:
    """The caller ranked with the snapshots' values, so no score differs from the release's own."""
    answer = client.post(PATH, json=deployment.asked()).json()
    assert [[]] * 10 == [each["flags"] for each in answer["explanations"]]


def test_callers_feature_wins(client: AsgiClient, service: Service, deployment: Deployment) -> None:
    """A value in the request replaces the snapshot's: the audit record holds the caller's, null as missing."""
    asked = deployment.asked(size=2) | {"request_id": "own", "user_features": {"user_session_count": None}}
    asked["items"][0]["item_features"] = {"item_duration_s": 77.0}
    client.post(PATH, json=asked).raise_for_status()
    record = service.worker.journal.find("own")
    assert record is not None
    serving = service.slot.current()
    context = logged_context(record, serving.engine.bundle, TrendArchive(deployment.home.trends))
    known = serving.user_values("ann")
    assert isnan(context.user_features["user_session_count"])
    assert known["user_engaged_count"] == context.user_features["user_engaged_count"]
    assert (
        77.0 == context.items[0].item_features["item_duration_s"] != context.items[1].item_features["item_duration_s"]
    )


def test_same_request_gets_the_same_answer(client: AsgiClient, deployment: Deployment) -> None:
    """Asked again, even about another list, a request id gets its first answer, byte for byte."""
    first = client.post(PATH, json=deployment.asked(1) | {"request_id": "again"})
    second = client.post(PATH, json=deployment.asked(2) | {"request_id": "again"})
    assert (200, first.content) == (second.status_code, second.content)
    assert first.headers["X-Model-Version"] == second.headers["X-Model-Version"]


def test_another_users_answer_is_not_given_away(client: AsgiClient, deployment: Deployment) -> None:
    """A request id that another user's answer has is refused: the answer names what that user watched."""
    client.post(PATH, json=deployment.asked() | {"request_id": "mine"}).raise_for_status()
    refused = client.post(PATH, json=deployment.asked() | {"request_id": "mine", "user_id": "ben"})
    assert (422, "request_id") == (refused.status_code, refused.json()["field"])


def test_every_answer_replays(client: AsgiClient, service: Service, deployment: Deployment) -> None:
    """What was served is what the record and the release give again."""
    answer = client.post(PATH, json=deployment.asked(boosted=True) | {"request_id": "logged"}).json()
    record = service.worker.journal.find("logged")
    assert record is not None
    bundle, trends = service.slot.current().engine.bundle, TrendArchive(deployment.home.trends)
    for each in answer["explanations"]:
        again = replay(record, each["position"], bundle, trends)
        assert (True, each["text"]) == (again.identical, again.explanation.text)
    assert "promoted" in {each["explanation_type"] for each in answer["explanations"]}


def test_missing_request_id_is_generated(client: AsgiClient, service: Service, deployment: Deployment) -> None:
    """Two anonymous requests are two entries under fresh ids."""
    ids = {client.post(PATH, json=deployment.asked()).json()["request_id"] for _ in range(2)}
    assert [True, True] == [service.worker.journal.find(name) is not None for name in ids]


def test_unknown_item_gets_the_generic_sentence(client: AsgiClient, deployment: Deployment) -> None:
    """An item the catalogue does not have does not fail the list."""
    asked = deployment.asked(size=3)
    asked["items"][1]["item_id"] = "never-heard-of"
    said = client.post(PATH, json=asked).json()["explanations"]
    assert ("generic", ["unknown_item"]) == (said[1]["explanation_type"], said[1]["flags"])
    assert [[], []] == [said[place]["flags"] for place in (0, 2)]


def test_score_of_another_release_is_flagged_and_counted(client: AsgiClient, deployment: Deployment) -> None:
    """A score this release does not give means another one ranked the list: generic, flagged, in the metrics."""
    asked = deployment.asked(size=2)
    asked["items"][0]["reranking_score"] += 0.01
    said = client.post(PATH, json=asked).json()["explanations"]
    assert ("generic", ["score_mismatch"]) == (said[0]["explanation_type"], said[0]["flags"])
    counted = [line for line in client.get("/metrics").text.splitlines() if "score_mismatches_total{" in line]
    assert ["1"] == [line.split()[-1] for line in counted]


def test_user_id_is_stored_nowhere(client: AsgiClient, service: Service, deployment: Deployment) -> None:
    """Neither journal nor answer holds the id of the user."""
    name = "someone-recognisable"
    asked = deployment.asked() | {"request_id": "private", "user_id": name}
    response = client.post(PATH, json=asked)
    files = b"".join(path.read_bytes() for path in service.worker.journal.path.parent.iterdir())
    assert (200, False, False) == (response.status_code, name.encode() in files, name in response.text)
    assert service.worker.journal.find("private") is not None


def test_full_journal_sheds_load(deployment: Deployment) -> None:
    """What cannot be made durable is not answered: 503, with the time to wait, and not ready."""
    full = deployment.service(journal_max_bytes=1)
    full.slot.poll()
    client = AsgiClient(create_app(full))
    refused = client.post(PATH, json=deployment.asked())
    ready = client.get("/readyz")
    full.close()
    assert (503, "JournalFullError", "1") == (
        refused.status_code,
        refused.json()["error"],
        refused.headers["Retry-After"],
    )
    assert (503, True) == (ready.status_code, "full" in ready.json()["reasons"][0])


def test_release_is_described(client: AsgiClient, service: Service) -> None:
    """The release, its policy and the snapshots it is served with."""
    found = client.get("/v1/release").json()
    serving = service.slot.current()
    assert (serving.model_version, "honest", 30) == (found["model_version"], found["policy"], found["items"])
    assert serving.trends.digest == found["trend_snapshot"]["digest"]


def test_nothing_is_ready_before_a_release(deployment: Deployment) -> None:
    """Alive, not ready and saying why, and 503 for requests, until the first release is loaded."""
    waiting = deployment.service()
    client = AsgiClient(create_app(waiting))
    answers = [client.get(path) for path in ("/livez", "/readyz", "/v1/release")]
    asked = client.post(PATH, json=deployment.asked())
    waiting.close()
    assert [200, 503, 503, 503] == [each.status_code for each in (*answers, asked)]
    assert ["the first release is being loaded"] == answers[1].json()["reasons"]


def test_openapi_describes_the_wire(client: AsgiClient) -> None:
    """The document holds the schemas of request and answer and an example that the service accepts."""
    document = client.get("/openapi.json").json()
    operation = document["paths"][PATH]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    assert {"AskedList", "SaidList", "AskedItem", "Claim", "Failure"} <= set(document["components"]["schemas"])
    assert "#/components/schemas/AskedList" == content["schema"]["$ref"]
    assert 200 == client.post(PATH, json=content["example"]).status_code
    example = operation["responses"]["200"]["content"]["application/json"]["example"]
    assert msgspec.convert(example, SaidList).model_version == example["model_version"]


def test_bug_is_not_told_to_the_caller(
    client: AsgiClient, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error is a plain 500 in the form of every other error."""

    def break_down(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(ExplanationEngine, "explain_list", break_down)
    broken = client.post(PATH, json=deployment.asked())
    assert (500, "InternalError", False) == (broken.status_code, broken.json()["error"], "secret" in broken.text)


def test_unknown_path_and_method_have_the_same_form(client: AsgiClient) -> None:
    """The router's own errors look like the product's."""
    assert (404, "HTTPError") == ((found := client.get("/nowhere")).status_code, found.json()["error"])
    assert (405, "HTTPError") == ((found := client.get(PATH)).status_code, found.json()["error"])
