"""Investigations over HTTP: JSON and page, for those who may ask, on record, with the status of every failure."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from serving.auditor import create_auditor
from serving.keys import key_ring
from streamrec_explain.audit_log.custody.access_log import AccessLog
from streamrec_explain.investigation.investigation import Investigation
from tests.serving.asgi_client import AsgiClient
from tests.serving.deployments import NOW_MS, Deployment

PATH = "/v1/explanations"
TOKEN = "a long enough secret"


@pytest.fixture
def auditor(client: AsgiClient, deployment: Deployment) -> AsgiClient:
    """The auditor after one list of five was explained, in German."""
    asked = deployment.asked(size=5, boosted=True) | {"request_id": "r0", "locale": "de"}
    client.post(PATH, json=asked).raise_for_status()
    settings = deployment.settings()
    return AsgiClient(create_auditor(settings, key_ring(settings, NOW_MS)))


def test_an_investigation_is_json(auditor: AsgiClient) -> None:
    """The whole value, of an explanation that the service gave with features from its snapshots."""
    answer = auditor.get(f"{PATH}/r0.0/investigation")
    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    found = msgspec.json.decode(answer.content, type=Investigation)
    assert ("full", "r0.0", "journal") == (found.profile, found.trace.explanation_id, found.trace.found_in)
    assert found.features is not None and abs(found.features.residual) < 1e-12
    assert found.history is not None and any(event.attention for event in found.history.events)
    assert found.counterfactuals is not None and found.counterfactuals.tried > 0


def test_the_regulatory_profile(auditor: AsgiClient) -> None:
    """Asked for by name; no attention in it."""
    answer = auditor.get(f"{PATH}/r0.0/investigation", params={"profile": "regulatory"}).json()
    assert ("regulatory", {None}) == (answer["profile"], {each["attention"] for each in answer["history"]["events"]})


def test_a_report_is_a_page_that_runs_nothing(auditor: AsgiClient) -> None:
    """In the language of the explanation, or the one that is asked for; the browser is told to load nothing."""
    own = auditor.get(f"{PATH}/r0.0/report", params={"profile": "regulatory"})
    assert (200, "text/html; charset=utf-8") == (own.status_code, own.headers["content-type"])
    assert "default-src 'none'" in own.headers["content-security-policy"]
    assert '<html lang="de">' in own.text and "Warum dir dieser Titel gezeigt wurde" in own.text
    asked = auditor.get(f"{PATH}/r0.0/report", params={"locale": "ja", "profile": "regulatory"})
    assert "この作品が表示された理由" in asked.text


@pytest.mark.parametrize("kind", ["investigation", "report"])
def test_failures_have_their_status(auditor: AsgiClient, deployment: Deployment, kind: str) -> None:
    """Unknown: 404; a wrong parameter: 422 by name; a lost snapshot: 410."""
    assert 404 == auditor.get(f"{PATH}/never.1/{kind}").status_code
    wrong = auditor.get(f"{PATH}/r0.0/{kind}", params={"profile": "brief"})
    assert (422, "profile") == (wrong.status_code, wrong.json()["field"])
    for path in deployment.home.trends.glob("*.arrow"):
        path.unlink()
    lost = auditor.get(f"{PATH}/r0.0/{kind}")
    assert (410, "SnapshotNotFoundError") == (lost.status_code, lost.json()["error"])


def test_a_changed_model_is_refused_by_its_file(auditor: AsgiClient, deployment: Deployment, built: Deployment) -> None:
    """Although its release is still loaded from the question before."""
    assert 200 == auditor.get(f"{PATH}/r0.0/investigation").status_code
    (cached,) = deployment.home.releases.glob("1@*")
    registered = next(p for p in built.home.artifacts.rglob("release.json") if same_file(p, cached / p.name)).parent
    kept = (registered / "reranker.txt").read_bytes()
    changed = kept.replace(b"1", b"2", 1)
    try:
        for folder in (cached, registered):
            (folder / "reranker.txt").write_bytes(changed)
        refused = auditor.get(f"{PATH}/r0.0/investigation")
    finally:
        (registered / "reranker.txt").write_bytes(kept)
    assert (503, True) == (refused.status_code, "reranker.txt was changed" in refused.json()["message"])


def same_file(left: Path, right: Path) -> bool:
    """Whether two files have the same bytes."""
    return left.read_bytes() == right.read_bytes()


def test_strangers_are_turned_away(auditor: AsgiClient, deployment: Deployment, tmp_path: Path) -> None:
    """As from the trace."""
    path = tmp_path / "auditors.json"
    path.write_text(json.dumps({"eve": TOKEN}))
    path.chmod(0o600)
    settings = deployment.settings(auditors=path)
    guarded = AsgiClient(create_auditor(settings, key_ring(settings, NOW_MS)))
    headers: list[dict[str, str]] = [{}, {"Authorization": "Bearer guess"}, {"Authorization": f"Bearer {TOKEN}"}]
    for kind in ("investigation", "report"):
        answers = [guarded.get(f"{PATH}/r0.0/{kind}", headers=each).status_code for each in headers]
        assert [401, 401, 200] == answers


def test_who_asked_is_on_record(auditor: AsgiClient, deployment: Deployment) -> None:
    """Durably, with the profile and the id, before the answer."""
    auditor.get(f"{PATH}/r0.1/investigation")
    auditor.get(f"{PATH}/r0.2/report", params={"profile": "regulatory"})
    found = [(each.who, each.what, dict(each.asked)) for each in AccessLog(deployment.home.accesses).accesses()]
    assert ("local", "investigation", {"explanation_id": "r0.1", "profile": "full"}) in found
    assert ("local", "report", {"explanation_id": "r0.2", "profile": "regulatory"}) in found


def test_the_service_never_loads_what_investigates() -> None:
    """A fresh service has neither the investigation nor its libraries."""
    code = (
        "import sys, serving.app; print([n for n in sys.modules if 'investigation' in n or n in ('torch', 'jinja2')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
