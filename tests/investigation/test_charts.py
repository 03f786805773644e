"""Charts: well-formed SVG in which every number is written, every bar points its way, and nothing escapes."""

import re
from xml.etree import ElementTree

import pytest

from streamrec_explain.investigation.charts import (
    LABELS,
    LOWERS,
    NUMBERS,
    RAISES,
    WIDTH,
    Bar,
    Legend,
    bar_chart,
    wrapped,
)

LEGEND = Legend("Reasons & more", "what it shows", "log-odds", "raises", "lowers", lambda value: f"{value:g}")
SVG = "{http://www.w3.org/2000/svg}"
WATERFALL = [
    Bar("start", -1.0, -1.0, "−1.00"),
    Bar("up", -1.0, 0.5, "+1.50"),
    Bar("down", 0.5, 0.25, "−0.25"),
    Bar("end", 0.25, 0.25, "0.25"),
]


def drawn(bars: list[Bar], zero: bool = False) -> ElementTree.Element:
    """The chart, parsed."""
    return ElementTree.fromstring(bar_chart(bars, LEGEND, zero))


def texts(chart: ElementTree.Element) -> list[str]:
    """Every text in it."""
    return [text.text or "" for text in chart.iter(f"{SVG}text")]


def shapes(chart: ElementTree.Element) -> list[tuple[str, list[float]]]:
    """Colour and first and furthest horizontal place of each bar below the legend."""
    found = []
    for path in list(chart.iter(f"{SVG}path"))[2:]:
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path.attrib["d"])]
        found.append((path.attrib["fill"], numbers))
    return found


def test_every_label_and_number_is_written() -> None:
    """Beside title, description, axis and legend."""
    chart = drawn(WATERFALL)
    assert {"start", "up", "down", "end", "−1.00", "+1.50", "−0.25", "0.25"} <= set(texts(chart))
    assert {"raises", "lowers", "log-odds"} <= set(texts(chart))
    title, description = chart.find(f"{SVG}title"), chart.find(f"{SVG}desc")
    assert title is not None and description is not None
    assert ("Reasons & more", "what it shows") == (title.text, description.text)


def test_bars_start_where_the_last_one_ended_and_point_their_way() -> None:
    """Up to the right in blue, down to the left in vermilion."""
    _, (up, rise), (down, fall), _ = shapes(drawn(WATERFALL))
    assert (RAISES, LOWERS) == (up, down)
    assert rise[3] > rise[0] and fall[3] < fall[0]  # M x y H neck L tip y ...
    assert rise[3] == fall[0]


def test_lengths_are_proportional() -> None:
    """Twice the effect, twice the length, from the line at zero on."""
    (_, long), (_, short), (_, back) = shapes(
        drawn([Bar("a", 0, 2, ""), Bar("b", 0, 1, ""), Bar("c", 0, -1, "")], True)
    )
    assert long[3] - long[0] == pytest.approx(2 * (short[3] - short[0]), abs=0.2)
    assert short[3] - short[0] == pytest.approx(back[0] - back[3], abs=0.2)


def test_everything_is_on_the_picture() -> None:
    """No bar reaches into labels or numbers."""
    for _, numbers in shapes(drawn([Bar("a", 0, 1e6, ""), Bar("b", 0, -3e6, "")], True)):
        assert LABELS <= numbers[0] <= WIDTH - NUMBERS
        assert LABELS <= numbers[3] <= WIDTH - NUMBERS


@pytest.mark.parametrize("bars", [[], [Bar("a", 0.0, 0.0, "0")], [Bar("a", 0.0, 1e-12, "0")]], ids=len)
def test_nothing_to_draw_is_drawn_all_the_same(bars: list[Bar]) -> None:
    """No division by an empty range."""
    assert f"{SVG}svg" == drawn(bars, True).tag


def test_hostile_labels_stay_text() -> None:
    """A title cannot become markup."""
    hostile = '</text><script>alert("1")</script>'
    chart = drawn([Bar(hostile, 0.0, 1.0, "&")])
    assert [] == list(chart.iter("script")) == list(chart.iter(f"{SVG}script"))
    assert hostile in "".join(texts(chart))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("short", ["short"]),
        ("two words here", ["two words", "here"]),
        ("これは長い題名です", ["これは長い", "題名です"]),
        ("one two three four five six", ["one two", "three fou…"]),
        ("unbreakableword", ["unbreakab…"]),
        ("", [""]),
    ],
)
def test_wrapping(text: str, lines: list[str]) -> None:
    """At spaces, or after any wide character; two lines at most."""
    assert lines == wrapped(text, 10, 2)
