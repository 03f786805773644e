"""What reading a world gave: the world and a report of rows read, rows set aside and problems."""

from dataclasses import dataclass

from streamrec_explain.errors import Problem
from streamrec_explain.events.problems import LISTED
from streamrec_explain.events.sheet import Sheet
from streamrec_explain.events.world import World


@dataclass(frozen=True)
class FileReport:
    """How many rows one file had and how many of them were set aside."""

    file: str
    rows_read: int
    rows_quarantined: int


@dataclass(frozen=True)
class Note:
    """Something a reader did that is no problem but worth knowing, with the number of rows it concerns."""

    file: str
    message: str
    rows: int


@dataclass(frozen=True)
class ValidationReport:
    """The outcome of validation; `problems` lists the first rows of every broken rule."""

    files: tuple[FileReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def rows_read(self) -> int:
        """Rows of all files."""
        return sum(file.rows_read for file in self.files)

    @property
    def rows_quarantined(self) -> int:
        """Rows set aside in all files."""
        return sum(file.rows_quarantined for file in self.files)


@dataclass(frozen=True)
class Reading:
    """What a reader hands over: a world of the good rows, and the sheets with what was found in the others."""

    world: World
    sheets: tuple[Sheet, ...] = ()
    notes: tuple[Note, ...] = ()

    def report(self) -> ValidationReport:
        """The report of this reading: every row with a finding counts as set aside."""
        files = (FileReport(sheet.file, sheet.rows_read, len(sheet.bad_places())) for sheet in self.sheets)
        findings = (finding for sheet in self.sheets for finding in sheet.findings)
        problems = (problem for finding in findings for problem in finding.problems(LISTED))
        return ValidationReport(tuple(files), tuple(problems), self.notes)


@dataclass(frozen=True)
class ReadResult:
    """A validated world and its report."""

    world: World
    report: ValidationReport
