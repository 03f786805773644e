"""The text that Prometheus reads."""

from serving.metrics import Counter, Gauge, Histogram, ServiceMetrics


def test_counter_counts_by_label() -> None:
    """One line per combination of labels, with the worker, values escaped."""
    counter = Counter("things_total", "Things.", "kind")
    counter.add("b")
    counter.add('a"\n\\', by=2)
    counter.add("b")
    expected = [
        "# HELP streamrec_things_total Things.",
        "# TYPE streamrec_things_total counter",
        'streamrec_things_total{kind="a\\"\\n\\\\",worker="w"} 2',
        'streamrec_things_total{kind="b",worker="w"} 2',
    ]
    assert expected == list(counter.lines("w"))


def test_gauge_holds_the_last_value() -> None:
    """A cleared gauge has no lines but its header."""
    gauge = Gauge("fill", "Fill.")
    gauge.set(0.5)
    gauge.set(0.25)
    assert 'streamrec_fill{worker="w"} 0.25' == list(gauge.lines("w"))[-1]
    gauge.clear()
    assert 2 == len(list(gauge.lines("w")))


def test_histogram_is_cumulative() -> None:
    """An observation on a bound belongs below it; +Inf counts all."""
    histogram = Histogram("seconds", "Time.", "path", bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(seconds, "/")
    buckets = [f'streamrec_seconds_bucket{{path="/",worker="w",le="{b}"}}' for b in ("0.1", "1", "+Inf")]
    lines = list(histogram.lines("w"))[2:]
    assert [f"{buckets[0]} 2", f"{buckets[1]} 3", f"{buckets[2]} 4"] == lines[:3]
    assert (7.65, 4) == (float(lines[3].split()[-1]), int(lines[4].split()[-1]))


def test_every_series_of_the_service_is_shown_once() -> None:
    """No two series share a name."""
    types = [line.split()[2] for line in ServiceMetrics().exposition("w").splitlines() if line.startswith("# TYPE")]
    assert len(vars(ServiceMetrics())) == len(types) == len(set(types))
