"""The code location: it loads, and assets, jobs, schedules and sensors are the ones people rely on."""

from pathlib import Path

import dagster as dg
import pytest
import yaml

from orchestration.definitions import defs

ASSETS = {
    "events": {"events", "event_validation"},
    "features": {"catalogue", "users_snapshot", "trends_snapshot"},
    "models": {
        "session_model",
        "session_quality",
        "reranker_rows",
        "reranker",
        "reranker_quality",
        "shap_explainer",
    },
    "release": {
        "thresholds",
        "release_candidate",
        "faithfulness_audit",
        "release_comparison",
        "gate_verdicts",
        "champion",
    },
    "audit_log": {
        "audit_table_hot",
        "audit_table_compacted",
        "audit_log_rollups",
        "audit_log_sealed",
        "audit_table_cold",
        "audit_log_expired",
        "snapshots_pruned",
    },
}
GATES = {
    "data_contract",
    "leakage",
    "explainer_conformance",
    "ranking_vs_baselines",
    "ranking_vs_champion",
    "faithfulness",
}


def specs() -> list[dg.AssetSpec]:
    """The spec of every asset."""
    return list(defs.resolve_all_asset_specs())


def test_definitions_are_loadable() -> None:
    """Every job resolves against the assets and resources."""
    dg.Definitions.validate_loadable(defs)


@pytest.mark.parametrize("group", sorted(ASSETS))
def test_groups_hold_their_assets(group: str) -> None:
    """An asset that appears, vanishes or moves is a decision, not an accident."""
    assert ASSETS[group] == {spec.key.to_user_string() for spec in specs() if spec.group_name == group}


def test_every_asset_tells_what_it_is() -> None:
    """Description, owner, kind and code version on every asset."""
    for spec in specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.code_version, spec.key


def test_jobs_schedules_and_sensors() -> None:
    """What can be launched, what runs by the clock and what watches."""
    repository = defs.get_repository_def()
    jobs = {"train_and_promote", "train_candidate", "promote", "refresh_snapshots", "audit_log_maintenance"}
    assert jobs <= {job.name for job in repository.get_all_jobs()}
    assert {"hourly_snapshots", "weekly_training", "daily_audit_log"} == {
        each.name for each in repository.schedule_defs
    }
    assert {"new_events", "close_mlflow_runs"} <= {each.name for each in repository.sensor_defs}


def test_gates_are_blocking_checks() -> None:
    """Each gate of a release is a blocking check on the verdicts."""
    checks = [check for each in repository_checks() for check in each.check_specs]
    assert GATES == {check.name for check in checks if check.asset_key == dg.AssetKey("gate_verdicts")}
    assert all(check.blocking for check in checks)


def repository_checks() -> list[dg.AssetsDefinition]:
    """Every definition that computes assets or checks."""
    return list(defs.resolve_asset_graph().assets_defs)


def test_workspace_names_this_code_location() -> None:
    """workspace.yaml is what `dagster dev -w workspace.yaml` reads."""
    workspace = yaml.safe_load((Path(__file__).parents[2] / "workspace.yaml").read_text())
    module = workspace["load_from"][0]["python_module"]
    assert {"module_name": "orchestration.definitions", "location_name": "streamrec"} == module
