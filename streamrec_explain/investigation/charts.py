"""Charts as inline SVG: readable without colour, in any language, and as files of their own.

Blue (raises) and vermilion (lowers) are the pair of Okabe and Ito that colour-blind readers tell apart; each bar
also points where it pushes and carries its signed number.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

RAISES, LOWERS, NEUTRAL = "#0072B2", "#D55E00", "#5d6678"
WIDTH, LABELS, NUMBERS = 860, 330, 130  # the bars have what labels and numbers leave
ROW, BAR, HEAD, FOOT = 44, 20, 34, 46
LABEL_COLUMNS = 38  # narrow characters on a line of the label
MOST_LINES = 2

_SVG = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" '
    'style="min-width:40rem;max-width:100%;height:auto" '
    "font-family=\"system-ui, 'Noto Sans', 'Noto Sans CJK JP', sans-serif\" "
    'font-size="15" fill="#1d2330"><title>{title}</title><desc>{text}</desc>'
    '<rect width="{w}" height="{h}" fill="#ffffff"/>{body}</svg>'
)


@dataclass(frozen=True)
class Bar:
    """One row: a label, where the bar starts and ends on the axis, and the number written beside it.

    A `mark` is a level on the way (start == end): a diamond instead of a bar.
    """

    label: str
    start: float
    end: float
    number: str

    @property
    def is_mark(self) -> bool:
        """Whether the row is a level, not a change."""
        return self.start == self.end


@dataclass(frozen=True)
class Legend:
    """The words around the bars: a title, a description for who cannot see, the axis and what colours mean.

    `tick` writes a number of the axis.
    """

    title: str
    text: str
    axis: str
    raises: str
    lowers: str
    tick: Callable[[float], str]


def bar_chart(bars: Sequence[Bar], legend: Legend, zero: bool = False) -> Markup:
    """Horizontal bars on one axis; consecutive ends are joined by a thin line. `zero` draws a line at 0.

    For a waterfall each bar starts where the one before it ends; for effects every bar starts at 0.
    """
    axis = _Axis.of(bars)
    height = HEAD + ROW * len(bars) + FOOT
    parts = [*_legend(legend), *_ticks(axis, height, legend)]
    if zero:
        parts.append(_line(axis.x(0.0), HEAD, axis.x(0.0), height - FOOT, "#1d2330", ""))
    for row, bar in enumerate(bars):
        middle = HEAD + ROW * row + ROW / 2
        if row and not zero:
            parts.append(_line(axis.x(bar.start), middle - ROW + BAR / 2, axis.x(bar.start), middle, NEUTRAL, "2 3"))
        parts += [*_label(bar.label, middle), _shape(bar, axis, middle), _number(bar, middle)]
    return _SVG.format(w=WIDTH, h=height, title=legend.title, text=legend.text, body=Markup("").join(parts))


@dataclass(frozen=True)
class _Axis:
    """A linear axis over the bars' area."""

    low: float
    high: float

    @classmethod
    def of(cls, bars: Sequence[Bar]) -> "_Axis":
        values = [value for bar in bars for value in (bar.start, bar.end)]
        low, high = min(values, default=0.0), max(values, default=0.0)
        room = 0.06 * (high - low) or 1.0
        return cls(low - room, high + room)

    def x(self, value: float) -> float:
        """The horizontal place of a value."""
        width = WIDTH - LABELS - NUMBERS
        return LABELS + width * (value - self.low) / (self.high - self.low)

    def steps(self) -> list[float]:
        """Round values for about five ticks."""
        span = self.high - self.low
        size = next(size for size in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, span) if span / size <= 7)
        first = int(self.low // size) + 1
        return [round(step * size, 10) for step in range(first, int(self.high // size) + 1)]


def _legend(legend: Legend) -> Iterator[Markup]:
    text = Markup('<text x="{x}" y="20" font-size="14">{text}</text>')
    yield Markup('<path d="M{x} 8h14l6 7-6 7h-14z" fill="{colour}"/>').format(x=LABELS, colour=RAISES)
    yield text.format(x=LABELS + 27, text=legend.raises)
    x = LABELS + 60 + 8.2 * _columns(legend.raises)
    yield Markup('<path d="M{x} 8h-14l-6 7 6 7h14z" fill="{colour}"/>').format(x=x + 20, colour=LOWERS)
    yield text.format(x=x + 27, text=legend.lowers)


def _ticks(axis: _Axis, height: int, legend: Legend) -> Iterator[Markup]:
    bottom = height - FOOT
    for value in axis.steps():
        x = axis.x(value)
        yield _line(x, HEAD, x, bottom, "#dde1e8", "")
        text = Markup('<text x="{x:.1f}" y="{y}" text-anchor="middle" font-size="13" fill="{ink}">{text}</text>')
        yield text.format(x=x, y=bottom + 18, ink=NEUTRAL, text=legend.tick(value))
    centre = (LABELS + WIDTH - NUMBERS) / 2
    text = Markup('<text x="{x}" y="{y}" text-anchor="middle" font-size="13" fill="{ink}">{text}</text>')
    yield text.format(x=centre, y=bottom + 37, ink=NEUTRAL, text=legend.axis)


def _label(label: str, middle: float) -> Iterator[Markup]:
    lines = wrapped(label, LABEL_COLUMNS, MOST_LINES)
    text = Markup('<text x="{x}" y="{y:.1f}" text-anchor="end">{line}</text>')
    for number, line in enumerate(lines):
        yield text.format(x=LABELS - 14, y=middle + 5 + 18 * (number - (len(lines) - 1) / 2), line=line)


def _shape(bar: Bar, axis: _Axis, middle: float) -> Markup:
    """An arrow-headed bar that points where it pushes, or a diamond for a level."""
    start, end, half = axis.x(bar.start), axis.x(bar.end), BAR / 2
    if bar.is_mark:
        path = f"M{end:.1f} {middle - 9:.1f}l9 9-9 9-9-9z"
        return Markup('<path d="{path}" fill="{colour}"/>').format(path=path, colour=NEUTRAL)
    tip = min(7.0, abs(end - start)) * (1 if end > start else -1)
    top, bottom, neck = middle - half, middle + half, end - tip
    path = f"M{start:.1f} {top:.1f}H{neck:.1f}L{end:.1f} {middle:.1f}L{neck:.1f} {bottom:.1f}H{start:.1f}z"
    colour = RAISES if end > start else LOWERS
    return Markup('<path d="{path}" fill="{colour}"/>').format(path=path, colour=colour)


def _number(bar: Bar, middle: float) -> Markup:
    weight = "600" if bar.is_mark else "400"
    text = Markup('<text x="{x}" y="{y:.1f}" text-anchor="end" font-weight="{weight}">{number}</text>')
    return text.format(x=WIDTH - 8, y=middle + 5, weight=weight, number=bar.number)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str) -> Markup:
    line = Markup(
        '<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-dasharray="{dashes}"/>'
    )
    return line.format(x1=x1, y1=y1, x2=x2, y2=y2, colour=colour, dashes=dashes or "none")


def wrapped(text: str, columns: int, most: int) -> list[str]:
    """The text on at most `most` lines of so many narrow characters, an ellipsis where it is cut.

    Lines break at spaces and, as Japanese has none, after any wide character.
    """
    lines, line = [], ""
    for piece in _pieces(text):
        if line and _columns(line + piece.rstrip()) > columns:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    lines.append(line.rstrip())
    shown = lines[:most]
    if len(lines) > most:
        shown[-1] += "…"
    return [line if _columns(line) <= columns else _cut(line, columns) for line in shown]


def _pieces(text: str) -> Iterator[str]:
    piece = ""
    for character in text:
        piece += character
        if character == " " or _columns(character) == 2:
            yield piece
            piece = ""
    if piece:
        yield piece


def _cut(line: str, columns: int) -> str:
    while _columns(line) > columns - 1:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
