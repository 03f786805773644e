"""Lines and fields of text files: marks, line ends, quotes and the numbers of lines."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamrec_explain.errors import EventDataError
from streamrec_explain.events.sheet import Sheet
from streamrec_explain.events.text_file import CSV, TextFormat, read_text

COLONS = TextFormat("::", ("a", "b"), encoding="latin-1")


def sheet(folder: Path, content: bytes, form: TextFormat = CSV) -> Sheet:
    """Read bytes as a file."""
    (folder / "file").write_bytes(content)
    return read_text(folder / "file", form)


def rows(table: Sheet) -> list[tuple[object, ...]]:
    """The rows with the number of their line in front."""
    columns = [table.columns[name].to_pylist() for name in table.columns.column_names]
    return list(zip(table.places.tolist(), *columns, strict=True))


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,x\n2,y\n",
        b"a,b\n1,x\n2,y",
        b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
        b"a,b\r\n1,x\r\n2,y\r\n",
        b"a,b\n1,x\n2,y\n\n\n  \n",
        b'"a","b"\n"1","x"\n2,"y"\n',
    ],
)
def test_marks_line_ends_and_trailing_blank_lines_change_nothing(tmp_path: Path, content: bytes) -> None:
    """A byte order mark, CRLF, a missing last line end, blank lines at the end and needless quotes are fine."""
    table = sheet(tmp_path, content)
    assert ["a", "b"] == table.columns.column_names
    assert [(2, "1", "x"), (3, "2", "y")] == rows(table)
    assert 2 == table.rows_read


def test_blank_lines_count_as_lines(tmp_path: Path) -> None:
    """Rows after a blank line keep the number an editor shows."""
    assert [(3, "1", "x"), (5, "2", "y")] == rows(sheet(tmp_path, b"\na,b\n1,x\n\n2,y\n"))


def test_an_unclosed_quote_harms_its_own_line_only(tmp_path: Path) -> None:
    """The lines after it are read as they are."""
    table = sheet(tmp_path, b'a,b\n1,"x\n2,y\n3,"z"\n')
    assert [(3, "2", "y"), (4, "3", "z")] == rows(table)
    assert ([2], ['1,"x']) == (table.bad_places().tolist(), list(table.originals(table.bad_places())))
    assert 3 == table.rows_read


def test_lines_with_another_number_of_fields(tmp_path: Path) -> None:
    """Too few and too many are named by line."""
    table = sheet(tmp_path, b"a,b\n1\n2,y\n3,z,w\n")
    assert [(3, "2", "y")] == rows(table)
    assert [2, 4] == table.bad_places().tolist()


def test_a_file_whose_every_line_is_wrong(tmp_path: Path) -> None:
    """Commas where double colons are due: each line is a problem, none is misread."""
    table = sheet(tmp_path, b"1,x\n2,y\n", COLONS)
    assert ([], [1, 2]) == (rows(table), table.bad_places().tolist())


def test_a_file_whose_every_line_is_torn(tmp_path: Path) -> None:
    """Nothing is left to split, and every line is named."""
    table = sheet(tmp_path, b'a,b\n"1,x\n2,"y\n')
    assert ([], [2, 3], 2) == (rows(table), table.bad_places().tolist(), table.rows_read)


def test_a_stray_carriage_return_does_not_make_two_rows(tmp_path: Path) -> None:
    """An old line end inside a line is a problem of that line."""
    table = sheet(tmp_path, b"a,b\n1,x\r2,y\n3,z\n")
    assert ([(3, "3", "z")], [2]) == (rows(table), table.bad_places().tolist())


def test_quotes_are_plain_text_between_double_colons(tmp_path: Path) -> None:
    """Only CSV knows quotes."""
    assert [(1, '"x', 'y"z"')] == rows(sheet(tmp_path, b'"x::y"z"\n', COLONS))


def test_latin_1_where_the_form_is_latin_1(tmp_path: Path) -> None:
    """The accent comes out right, from Latin-1 and from UTF-8."""
    assert [(1, "é", "x")] == rows(sheet(tmp_path, b"\xe9::x\n", COLONS))
    assert [(1, "é", "x")] == rows(sheet(tmp_path, "é::x\n".encode(), COLONS))


@pytest.mark.parametrize("field", [b"\xe9", b"caf\xc3", b"a\0b", "\ufffd".encode()])
def test_damaged_text_is_named_by_column(tmp_path: Path, field: bytes) -> None:
    """Undecodable bytes, NUL and the traces of an earlier bad conversion."""
    found = sheet(tmp_path, b"a,b\n1,x\n2," + field + b"\n").findings
    assert [("b", "bad-encoding", [3])] == [(one.column, one.code, one.places.tolist()) for one in found]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a,b\n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    """Zero bytes, blank lines and a lone header are an empty file."""
    with pytest.raises(EventDataError, match="empty-file"):
        sheet(tmp_path, content)


fields = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufffd", min_codepoint=32), max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.tuples(st.integers().map(str), fields), min_size=1, max_size=8))
def test_what_a_csv_writer_writes_is_read_back(tmp_path: Path, table: list[tuple[str, str]]) -> None:
    """Any text without line ends survives: quotes, commas, every script."""
    stream = io.StringIO()
    csv.writer(stream).writerows([("a", "b"), *table])
    read = rows(sheet(tmp_path, stream.getvalue().encode()))
    assert [(line, *row) for line, row in enumerate(table, start=2)] == read
