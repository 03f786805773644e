"""The pictures of an investigation: how reasons add up to the score, and what the history did."""

from collections.abc import Mapping

from markupsafe import Markup

from streamrec_explain.investigation.charts import Bar, Legend, bar_chart
from streamrec_explain.investigation.features import FeatureAttribution
from streamrec_explain.investigation.history import HistoryAttribution, effect_of
from streamrec_explain.investigation.investigation import Investigation
from streamrec_explain.investigation.wording import Wording

SHOWN_REASONS = 10
SHOWN_ITEMS = 8
LEAST_SHOWN = 0.005  # what is written as 0.00 is no bar


def pictures(found: Investigation, words: Wording) -> Mapping[str, Markup]:
    """The charts that there is something to draw for, by name: "reasons" and "history"."""
    drawn = {}
    if found.features is not None:
        boost = found.promotion.boost if found.promotion else 0.0
        drawn["reasons"] = reasons_chart(found.features, boost, words)
    if found.history is not None and any(effect_of(item) for item in found.history.items):
        drawn["history"] = history_chart(found.history, found.titles, words)
    return drawn


def reasons_chart(found: FeatureAttribution, boost: float, words: Wording) -> Markup:
    """The way from an average recommendation to this item's score, and on to the score with a paid boost."""
    shown = [reason for reason in found.ranked[:SHOWN_REASONS] if abs(reason.shap) >= LEAST_SHOWN]
    steps = [(reason.display[words.locale], reason.shap) for reason in shown]
    rest = len(found.reasons) - len(shown)
    if rest:
        others = found.raw_score - found.base_value - sum(step for _, step in steps)
        steps.append((words.say("chart.rest", count=rest), others))
    bars = [_level(words, "chart.start", found.base_value)]
    for label, step in steps:
        start = bars[-1].end
        bars.append(Bar(label, start, start + step, words.change(step)))
    bars.append(_level(words, "chart.end", found.raw_score))
    if boost:
        total = found.raw_score + boost
        bars.append(Bar(words.say("chart.boost"), found.raw_score, total, words.change(boost)))
        bars.append(_level(words, "chart.total", total))
    base, score = words.number(found.base_value), words.number(found.raw_score)
    text = words.say("chart.reasons.alt", base=base, score=score)
    return bar_chart(bars, _legend(words, "chart.reasons", text, "chart.axis"))


def history_chart(found: HistoryAttribution, titles: Mapping[str, str], words: Wording) -> Markup:
    """What each title of the history adds to the session score, the strongest first."""
    ranked = [item for item in found.ranked if abs(effect_of(item)) >= LEAST_SHOWN] or list(found.ranked)
    shown = ranked[:SHOWN_ITEMS]
    steps = [(titles.get(item.item_id, item.item_id), effect_of(item)) for item in shown]
    rest = len(found.items) - len(shown)
    if rest:
        others = sum(effect_of(item) for item in found.items) - sum(step for _, step in steps)
        steps.append((words.say("history.rest", count=rest), others))
    bars = [Bar(label, 0.0, step, words.change(step)) for label, step in steps]
    return bar_chart(bars, _legend(words, "history.chart", words.say("history.alt"), "history.axis"), zero=True)


def _level(words: Wording, key: str, value: float) -> Bar:
    return Bar(words.say(key), value, value, words.number(value))


def _legend(words: Wording, title: str, text: str, axis: str) -> Legend:
    raises, lowers = words.say("chart.raises"), words.say("chart.lowers")
    return Legend(words.say(title), text, words.say(axis), raises, lowers, words.plain)
