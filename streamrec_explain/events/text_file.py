"""Text files of events: delimited lines become a sheet of text columns, each row with its line number.

One line is one record. A byte order mark, Windows line ends and blank lines are accepted everywhere. A line
that cannot be split is a finding, never a reason to misread the lines after it.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
from numpy.typing import NDArray

from streamrec_explain.events.problems import Code, Finding, file_error
from streamrec_explain.events.sheet import Mask, Sheet, as_mask

_UNIT_SEPARATOR = "\x1f"  # stands for separators of several characters, which Arrow's parser does not take
_NEWLINE = 10
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class TextFormat:
    """How the lines of a file are written.

    `names` are the columns of a file without a header line; `encoding` is what a file that is not UTF-8 is
    in (UTF-8 with a character beyond ASCII is never mistaken for Latin-1).
    """

    separator: str
    names: tuple[str, ...] | None = None
    quotes: bool = False
    encoding: str = "utf-8"


CSV = TextFormat(separator=",", quotes=True)


@dataclass(frozen=True)
class _Lines:
    """Lines with their 1-based numbers."""

    text: pa.Array
    numbers: NDArray[np.int64]

    def where(self, keep: Mask) -> "_Lines":
        return _Lines(self.text.filter(pa.array(keep)), self.numbers[keep])

    def at(self, places: NDArray[np.int64]) -> list[str]:
        return list(self.text.take(pa.array(np.searchsorted(self.numbers, places))).to_pylist())


def read_text(path: Path, form: TextFormat) -> Sheet:
    """Read a delimited text file; EventDataError if it has no rows or not even a usable header."""
    lines = _read_lines(path, form.encoding)
    names, header = form.names, None
    if names is None and len(lines.numbers):
        header = lines.text[0].as_py()
        names = _header_names(path.name, header, form)
        lines = _Lines(lines.text[1:], lines.numbers[1:])
    if names is None or not len(lines.numbers):
        raise file_error(path.name, Code.EMPTY_FILE, "the file has no rows")
    return _sheet(path.name, lines, names, header, form)


def _read_lines(path: Path, encoding: str) -> _Lines:
    """The lines of a file that are not blank."""
    data = _as_utf8(path.name, _read_bytes(path), encoding)
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == _NEWLINE) + 1
    offsets = np.concatenate(([0], ends, [len(data)] if len(data) and bytes_[-1] != _NEWLINE else []))
    buffers = [None, pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(data)]
    raw = pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers[1:])
    lines = _Lines(pc.ascii_rtrim(raw, "\r\n"), np.arange(1, len(offsets)))
    return lines.where(as_mask(pc.greater(pc.binary_length(pc.ascii_trim_whitespace(lines.text)), 0)))


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise file_error(path.name, Code.UNREADABLE_FILE, f"the file cannot be read: {error}") from error


def _as_utf8(file: str, data: bytes, encoding: str) -> bytes:
    """The file's content in UTF-8; what is not in its encoding becomes U+FFFD, which is a finding later."""
    if data.startswith(_UTF16_MARKS):
        raise file_error(file, Code.BAD_ENCODING, "the file is UTF-16; save it as UTF-8")
    data = data.removeprefix(_UTF8_MARK)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode(encoding, errors="replace").encode()
    return data


def _header_names(file: str, header: str, form: TextFormat) -> tuple[str, ...]:
    names = tuple(name.strip() for name in next(csv.reader([header], delimiter=form.separator)))
    for name in names:
        if names.count(name) > 1:
            raise file_error(file, Code.DUPLICATE_COLUMN, f"column {name!r} is there twice", name)
    return names


def _sheet(file: str, lines: _Lines, names: tuple[str, ...], header: str | None, form: TextFormat) -> Sheet:
    """Split the lines into fields; those that cannot be split become findings."""
    torn = _torn(lines.text, form)
    whole = lines.where(~torn)
    columns, skipped = _split(whole.text, names, form)
    fitting = np.ones(len(whole.numbers), dtype=bool)
    fitting[skipped] = False
    sheet = Sheet(file, columns, whole.numbers[fitting], len(lines.numbers), lines.at, header)
    rule = f"does not have {len(names)} fields separated by {form.separator!r} with closed quotes"
    _flag_lines(sheet, lines.where(torn), rule)
    _flag_lines(sheet, whole.where(~fitting), rule)
    _flag_encoding(sheet, whole.text, form.encoding)
    return sheet


def _torn(text: pa.Array, form: TextFormat) -> Mask:
    """Lines with an unclosed quote or a stray carriage return: a parser would run on into other lines."""
    torn = pc.match_substring(text, "\r")
    if form.quotes:
        torn = pc.or_(torn, pc.equal(pc.bit_wise_and(pc.count_substring(text, '"'), 1), 1))
    return as_mask(torn)


def _split(text: pa.Array, names: tuple[str, ...], form: TextFormat) -> tuple[pa.Table, NDArray[np.int64]]:
    """The fields as text columns, and the indices of the lines that have another number of fields."""
    skipped: list[int] = []
    if not len(text):  # the parser would take no line for one empty line
        return pa.table({name: pa.array([], pa.string()) for name in names}), np.array(skipped, dtype=np.int64)
    separator = form.separator
    if len(separator) > 1:
        text, separator = pc.replace_substring(text, separator, _UNIT_SEPARATOR), _UNIT_SEPARATOR

    def skip(row: Any) -> str:
        skipped.append(row.number - 1)
        return "skip"

    table = arrow_csv.read_csv(
        _joined(text),
        # One thread, since only then does Arrow number the rows it hands to `skip`.
        read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator,
            quote_char='"' if form.quotes else False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )
    return table, np.array(skipped, dtype=np.int64)


def _joined(text: pa.Array) -> pa.Buffer:
    """The lines as one buffer without a copy in Python."""
    newline, nothing = (pa.scalar(part, text.type) for part in ("\n", ""))
    return pc.binary_join_element_wise(text, newline, nothing).buffers()[2]


def _flag_lines(sheet: Sheet, bad: _Lines, rule: str) -> None:
    if len(bad.numbers):
        finding = Finding(sheet.file, None, Code.WRONG_FIELD_COUNT, rule, bad.numbers, bad.text)
        sheet.findings.append(finding)


def _flag_encoding(sheet: Sheet, text: pa.Array, encoding: str) -> None:
    """Flag values with U+FFFD (undecodable, or damaged before it came here) or NUL in them."""
    for mark in ("\ufffd", "\0"):
        if as_mask(pc.match_substring(text, mark)).any():
            for name in sheet.columns.column_names:
                bad = pc.match_substring(sheet.column(name), mark)
                sheet.flag(bad, name, Code.BAD_ENCODING, f"is not valid {encoding} text; save the file as UTF-8")
