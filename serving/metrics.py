"""Metrics: what a worker counts, in the text format that Prometheus reads."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Series:
    """Numbers of one name, one per combination of label values; updated by one thread at a time."""

    kind = "untyped"

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name = f"streamrec_{name}"
        self.help_text = help_text
        self.labels = labels
        self.values: dict[tuple[str, ...], float] = {}

    def lines(self, worker: str) -> Iterator[str]:
        """The exposition of the series; `worker` tells the processes behind one port apart."""
        yield f"# HELP {self.name} {self.help_text}"
        yield f"# TYPE {self.name} {self.kind}"
        names = (*self.labels, "worker")
        for given, value in sorted(self.values.copy().items()):
            yield f"{self.name}{_labels(names, (*given, worker))} {value:.17g}"


class Counter(Series):
    """Counts up."""

    kind = "counter"

    def add(self, *given: str, by: float = 1.0) -> None:
        """Count for these label values."""
        self.values[given] = self.values.get(given, 0.0) + by


class Gauge(Series):
    """Goes up and down."""

    kind = "gauge"

    def set(self, value: float, *given: str) -> None:
        """The value now."""
        self.values[given] = value

    def clear(self) -> None:
        """Forget every label value."""
        self.values = {}


class Histogram(Series):
    """Counts of observations (seconds) at or below each bound."""

    kind = "histogram"

    def __init__(self, name: str, help_text: str, *labels: str, bounds: Sequence[float] = SECONDS) -> None:
        super().__init__(name, help_text, *labels)
        self._bounds = tuple(bounds)
        self._counts: dict[tuple[str, ...], list[int]] = {}

    def observe(self, seconds: float, *given: str) -> None:
        """Count one observation."""
        counts = self._counts.setdefault(given, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, seconds)] += 1
        self.values[given] = self.values.get(given, 0.0) + seconds

    def lines(self, worker: str) -> Iterator[str]:
        """Cumulative buckets, sum and count."""
        yield f"# HELP {self.name} {self.help_text}"
        yield f"# TYPE {self.name} {self.kind}"
        names = (*self.labels, "worker")
        for given, counts in sorted(self._counts.copy().items()):
            total = 0
            for bound, count in zip((*(f"{b:g}" for b in self._bounds), "+Inf"), counts, strict=True):
                total += count
                yield f"{self.name}_bucket{_labels((*names, 'le'), (*given, worker, bound))} {total}"
            yield f"{self.name}_sum{_labels(names, (*given, worker))} {self.values[given]:.17g}"
            yield f"{self.name}_count{_labels(names, (*given, worker))} {total}"


class ServiceMetrics:
    """Everything one worker counts."""

    def __init__(self) -> None:
        self.requests = Counter("requests_total", "Requests answered.", "path", "status")
        self.latency = Histogram(
            "request_seconds", "From the first byte of a request to the last of its answer.", "path"
        )
        self.explanations = Counter("explanations_total", "Explanations given, by release.", "type", "model_version")
        self.flags = Counter("explanation_flags_total", "Flags on explanations.", "flag")
        self.score_mismatches = Counter("score_mismatches_total", "Items another release had ranked.", "model_version")
        self.repeats = Counter("repeated_requests_total", "Requests answered with their first answer.")
        self.refusals = Counter("refused_requests_total", "Requests refused unread.", "reason")
        self.release = Gauge("release", "1 for the release that is served.", "model_version")
        self.release_swaps = Counter("release_swaps_total", "Releases put into service.")
        self.releases_refused = Counter("releases_refused_total", "Attempts to load a bad release.", "release", "file")
        self.registry_up = Gauge("registry_up", "1 if the registry named a champion at the last look.")
        self.journal_fill = Gauge("journal_fill_ratio", "Used share of the journal's bound; alarm on it.")
        self.journal_alarm = Gauge("journal_alarm", "1 while the journal is about 80% full or more.")
        self.journal_backlog_requests = Gauge("journal_backlog_requests", "Requests that wait to be shipped.")
        self.journal_backlog_bytes = Gauge("journal_backlog_bytes", "About the bytes that wait to be shipped.")
        self.journal_backlog_age = Gauge("journal_backlog_age_seconds", "How long the oldest of them has waited.")
        self.snapshot_as_of = Gauge("snapshot_as_of_seconds", "Unix time of the snapshot in use.", "kind")

    def exposition(self, worker: str) -> str:
        """The text of all series."""
        series = [each for each in vars(self).values() if isinstance(each, Series)]
        return "".join(f"{line}\n" for each in series for line in each.lines(worker))


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
