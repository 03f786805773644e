"""Folders of event files: which of the expected files are there."""

from collections.abc import Sequence
from pathlib import Path

from streamrec_explain.errors import Problem
from streamrec_explain.events.problems import Code, data_error, file_error


def file_names(folder: Path) -> frozenset[str]:
    """The files in a folder; EventDataError if it is absent or holds no file."""
    if not folder.is_dir():
        raise file_error(str(folder), Code.MISSING_FOLDER, "there is no such folder; name the one with the files")
    names = frozenset(entry.name for entry in folder.iterdir() if entry.is_file())
    if not names:
        raise file_error(str(folder), Code.EMPTY_FOLDER, "the folder holds no file; name the one with the files")
    return names


def require(folder: Path, files: Sequence[str]) -> None:
    """EventDataError naming every one of `files` that is not in the folder."""
    there = file_names(folder)
    missing = [file for file in files if file not in there]
    if missing:
        message = f"there is no such file in {folder}"
        raise data_error([Problem(file, None, None, Code.MISSING_FILE.value, message) for file in missing])
