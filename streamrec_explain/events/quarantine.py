"""The quarantine: rows set aside as files that a person can read, repair and put back.

For every file with bad rows the folder gets the rows as they were (the lines of a text file under its own
name and header, in UTF-8, with U+FFFD for what could not be decoded; the rows of a Parquet file as JSON lines)
and `<file>.problems.csv`, which says for each what is wrong.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from streamrec_explain.errors import SettingsError
from streamrec_explain.events.sheet import Sheet


def check_quarantine(quarantine: Path, data: Path | None) -> None:
    """SettingsError if the quarantine is the data folder, where it would overwrite what it saves from."""
    if data is not None and quarantine.resolve() in (data.resolve(), (data / "data").resolve()):
        raise SettingsError(f"the quarantine must not be the data folder {data}; name another folder")
    if quarantine.exists() and not quarantine.is_dir():
        raise SettingsError(f"the quarantine {quarantine} is a file; name a folder")


def set_aside(sheets: Sequence[Sheet], quarantine: Path) -> None:
    """Write the bad rows of all sheets into the folder; nothing, not even the folder, if there are none."""
    for sheet in sheets:
        if sheet.findings:
            quarantine.mkdir(parents=True, exist_ok=True)
            _write_rows(sheet, quarantine)
            _write_problems(sheet, quarantine / f"{sheet.file}.problems.csv")


def _write_rows(sheet: Sheet, quarantine: Path) -> None:
    """The rows in UTF-8, each as one line."""
    name = f"{sheet.file}.jsonl" if sheet.file.endswith(".parquet") else sheet.file
    header = [] if sheet.header is None else [sheet.header]
    lines = [*header, *sheet.originals(sheet.bad_places())]
    (quarantine / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_problems(sheet: Sheet, path: Path) -> None:
    """What is wrong, in the order of the rows."""
    problems = [problem for finding in sheet.findings for problem in finding.problems()]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["row", "column", "code", "message"])
        for problem in sorted(problems, key=lambda problem: problem.row or 0):
            writer.writerow([problem.row, problem.column, problem.code, problem.message])
