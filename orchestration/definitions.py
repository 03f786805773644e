"""The code location: assets, checks, jobs, schedules and sensors with the resources of this environment."""

import os

import dagster as dg

from orchestration import automation, jobs
from orchestration.audit_log import assets as audit_log
from orchestration.events import assets as events
from orchestration.features import assets as features
from orchestration.models import assets as models
from orchestration.models import evaluation
from orchestration.release import assets as release
from orchestration.release import comparison, faithfulness
from orchestration.resources import EventSource, HomeFolder, Registry, TrainingSettings
from orchestration.value_store import FileIOManager, ValueStore
from orchestration.values import CODECS

ASSET_MODULES = [events, features, models, evaluation, release, faithfulness, comparison, audit_log]


def definitions(home: HomeFolder, source: EventSource, settings: TrainingSettings) -> dg.Definitions:
    """The graph with these resources; values lie in the home folder."""
    return dg.Definitions(
        assets=dg.with_source_code_references(automation.fresh(dg.load_assets_from_modules(ASSET_MODULES))),
        jobs=jobs.JOBS,
        schedules=automation.SCHEDULES,
        sensors=automation.SENSORS,
        executor=dg.multi_or_in_process_executor.configured({"in_process": {}}),
        resources={
            "home": home,
            "source": source,
            "settings": settings,
            "registry": Registry(home=home),
            "io_manager": FileIOManager(ValueStore(home.home.values, CODECS)),
        },
    )


def from_environment() -> dg.Definitions:
    """The graph as STREAMREC_HOME, STREAMREC_WORLD, STREAMREC_DATA, STREAMREC_USERS and STREAMREC_SEED say."""
    home = HomeFolder(
        path=os.environ.get("STREAMREC_HOME", ".streamrec"),
        keys_path=os.environ.get("STREAMREC_KEYS"),
        signing_key_path=os.environ.get("STREAMREC_SIGNING_KEY"),
    )
    source = EventSource(
        world=os.environ.get("STREAMREC_WORLD", "synthetic"),
        data=os.environ.get("STREAMREC_DATA"),
        users=int(os.environ.get("STREAMREC_USERS", "3000")),
        seed=int(os.environ.get("STREAMREC_SEED", "0")),
    )
    return definitions(home, source, TrainingSettings(seed=source.seed))


defs = from_environment()
