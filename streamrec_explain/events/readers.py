"""The readers by name: every kind of world is read, validated and reported the same way."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from streamrec_explain.errors import SettingsError
from streamrec_explain.events.kuairand import read_kuairand
from streamrec_explain.events.movielens import read_movielens
from streamrec_explain.events.parquet import read_own_parquet
from streamrec_explain.events.problems import Code, data_error, file_error
from streamrec_explain.events.quarantine import check_quarantine, set_aside
from streamrec_explain.events.report import FileReport, Reading, ReadResult, ValidationReport
from streamrec_explain.events.schema import TABLES
from streamrec_explain.events.synthetic.config import SyntheticConfig
from streamrec_explain.events.synthetic.generation import generate

READERS: Final[Mapping[str, Callable[[Path], Reading]]] = MappingProxyType(
    {"movielens": read_movielens, "kuairand": read_kuairand, "parquet": read_own_parquet}
)
SYNTHETIC: Final = "synthetic"
WORLDS: Final = (SYNTHETIC, *READERS)


def read_world(
    name: str, folder: Path | None, *, seed: int = 0, scale: int = 2_000, quarantine: Path | None = None
) -> ReadResult:
    """Read and validate a world.

    `seed` and `scale` (users) are for the synthetic world, `folder` is for the others. Without a
    quarantine any bad row is an EventDataError that lists them; with one, bad rows are set aside there,
    counted in the report, and the world holds the others.
    """
    if name == SYNTHETIC:
        return _generated(SyntheticConfig(users=scale, seed=seed))
    if name not in READERS:
        raise SettingsError(f"there is no world {name!r}; choose one of: {', '.join(WORLDS)}")
    if folder is None:
        raise SettingsError(f"the world {name} is read from a folder of files; name it")
    return _read_folder(READERS[name], folder, quarantine)


def _read_folder(reader: Callable[[Path], Reading], folder: Path, quarantine: Path | None) -> ReadResult:
    if quarantine is not None:
        check_quarantine(quarantine, folder)
    reading = reader(folder)
    report = reading.report()
    if quarantine is None and report.problems:
        findings = (finding for sheet in reading.sheets for finding in sheet.findings)
        raise data_error(report.problems, sum(len(finding.places) for finding in findings))
    if not reading.world.impressions.num_rows:
        raise file_error(str(folder), Code.EMPTY_FILE, "no impression is left; every row has a problem")
    if quarantine is not None:
        set_aside(reading.sheets, quarantine)
    return ReadResult(reading.world, report)


def _generated(config: SyntheticConfig) -> ReadResult:
    """A synthetic world, which is valid by construction; its planted truth stays behind."""
    world, _ = generate(config)
    files = (FileReport(table, getattr(world, table).num_rows, 0) for table in TABLES)
    return ReadResult(world, ValidationReport(tuple(files)))
