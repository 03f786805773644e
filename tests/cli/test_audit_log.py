"""`streamrec audit-log` over a journal of 30 requests: shipped, asked, and moved only with --apply."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamrec_explain.audit_log.journal.journal import Journal
from streamrec_explain.cli.audit_log import audit_log
from streamrec_explain.home import Home
from streamrec_explain.pseudonym import create_key_file, new_key_ring
from tests.audit_log.audit_requests import START_MS, request

REQUESTS, ITEMS = 30, 3
ROWS = REQUESTS * ITEMS


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose journal waits to be shipped; request 7 is the user ada's."""
    stored = Home(tmp_path / "home")
    ring = new_key_ring(START_MS)
    create_key_file(stored.keys, ring)
    with Journal(stored.journal / "worker-0.sqlite", clock=lambda: START_MS) as journal:
        for number in range(REQUESTS):
            mine = {"user_id_hash": ring.pseudonym("ada"), "key_id": ring.current.key_id} if number == 7 else {}
            journal.append(request(number, items=ITEMS, **mine), b"{}")
    return stored.root


@pytest.fixture
def shipped(home: Path) -> Path:
    """The same home, shipped."""
    assert ROWS == sum(report["rows"] for report in asked(home, "ship"))
    return home


def run(home: Path, *words: str) -> Result:
    """Run a command of the group."""
    return CliRunner().invoke(audit_log, [*words, f"--home={home}"], catch_exceptions=False)


def asked(home: Path, *words: str) -> Any:
    """What a command prints as JSON."""
    done = run(home, *words, "--json")
    assert 0 == done.exit_code, done.output
    return json.loads(done.stdout)


def rows(home: Path) -> dict[str, int]:
    """How many entries lie where."""
    tiers = [each["tier"] for each in asked(home, "query", "--limit=1000")["entries"]]
    return {tier: tiers.count(tier) for tier in set(tiers)}


def test_shipping_again_moves_nothing(shipped: Path) -> None:
    """Each request goes into the table once."""
    assert [0] == [report["rows"] for report in asked(shipped, "ship")]
    assert {"hot": ROWS} == rows(shipped)


def test_query_finds_what_waits(home: Path) -> None:
    """An entry can be found before the shipper has run."""
    assert {"journal": ROWS} == rows(home)


def test_query_by_user_needs_only_the_id(shipped: Path) -> None:
    """The pseudonym is made from the key ring of the home."""
    found = asked(shipped, "query", "--user=ada")["entries"]
    assert [f"request-7.{position}" for position in range(ITEMS)] == [each["explanation_id"] for each in found]
    assert [] == asked(shipped, "query", "--user=bob")["entries"]


def test_query_joins_its_conditions(shipped: Path) -> None:
    """Region, item, type, release and time narrow the answer together."""
    filters = ("--region=EU", "--item=item-1", "--type=watch_history", "--release=streamrec-release/1@00000000")
    assert 10 == len(asked(shipped, "query", *filters)["entries"])
    assert 0 == len(asked(shipped, "query", *filters, "--to=2026-01-01")["entries"])
    assert 10 == len(asked(shipped, "query", *filters, "--from=2026-01-01", "--to=2026-01-01T00:01")["entries"])


def test_query_says_when_there_is_more(shipped: Path) -> None:
    """A limit is no silent end."""
    assert (5, True) == (len((found := asked(shipped, "query", "--limit=5"))["entries"]), found["truncated"])
    assert "and more; see --limit" in run(shipped, "query", "--limit=5").stdout


def test_mix_counts_types(shipped: Path) -> None:
    """Shares of one group add up to 1."""
    found = asked(shipped, "mix", "--by=region")
    assert {"US", "EU", "JP"} == {each["group"] for each in found["shares"]}
    assert 1.0 == pytest.approx(sum(each["share"] for each in found["shares"] if each["group"] == "EU"))


def test_mix_reads_roll_ups_once_there_are_some(shipped: Path) -> None:
    """The same shares, and what was read is said."""
    before = asked(shipped, "mix", "--by=hour")
    assert "nothing was changed" in run(shipped, "rollup").stdout
    assert ["hot"] == asked(shipped, "mix", "--by=hour")["read"]
    asked(shipped, "rollup", "--apply")
    after = asked(shipped, "mix", "--by=hour")
    assert (["rollups"], before["shares"]) == (after["read"], after["shares"])
    assert ["hot"] == before["read"]


def test_cost_is_of_the_bytes_on_disk(shipped: Path, tmp_path: Path) -> None:
    """Columns sum to the files' sizes; another price changes the cost in proportion."""
    prices = tmp_path / "prices.json"
    prices.write_text('{"hot_gb_month": 0.046}')
    found, dearer = asked(shipped, "cost"), asked(shipped, "cost", f"--prices={prices}")
    (hot,) = found["measured"]
    files = (shipped / "audit_log" / "hot").rglob("*.parquet")
    assert sum(path.stat().st_size for path in files) == hot["stored_bytes"] == sum(hot["by_column"].values())
    assert 2 * found["cost"]["hot_storage"] == pytest.approx(dearer["cost"]["hot_storage"])
    assert "does not follow from its own 18.0 TB, which are 414" in run(shipped, "cost").stdout


@pytest.mark.parametrize("content", ['{"hot_gb_month": -1}', '{"hot": 1}', "{", '{"file_bytes": 0}'])
def test_odd_prices_are_bad_input(shipped: Path, tmp_path: Path, content: str) -> None:
    """Negative, unknown or unreadable assumptions."""
    prices = tmp_path / "prices.json"
    prices.write_text(content)
    assert 2 == run(shipped, "cost", f"--prices={prices}").exit_code


def test_mix_names_hours_for_people(shipped: Path) -> None:
    """Not by their Unix milliseconds."""
    assert "2026-01-01T00:00" in run(shipped, "mix", "--by=hour").stdout


@pytest.mark.parametrize("step", ["archive", "expire"])
def test_nothing_moves_without_apply(shipped: Path, step: str) -> None:
    """The plan names the partitions and leaves them where they are."""
    plan = asked(shipped, step, "--now=2030-01-01")
    assert (None, 3) == (plan["applied"], plan["plan"].count("2026-01-01 "))
    assert {"hot": ROWS} == rows(shipped)


def test_archive_and_expire(shipped: Path) -> None:
    """Day 90 goes to the cold tier, day 820 is gone; a day earlier nothing is due."""
    assert 0 == asked(shipped, "archive", "--now=2026-03-31", "--apply")["applied"]
    assert ROWS == asked(shipped, "archive", "--now=2026-04-01", "--apply")["applied"]
    assert {"cold": ROWS} == rows(shipped)
    assert 0 == asked(shipped, "expire", "--now=2028-03-30", "--apply")["applied"]
    assert ROWS == asked(shipped, "expire", "--now=2028-03-31", "--apply")["applied"]
    assert {} == rows(shipped)


def test_compact(shipped: Path) -> None:
    """Partitions in several files are planned, rewritten with --apply, and then in order."""
    with Journal(Home(shipped).journal / "worker-1.sqlite", clock=lambda: START_MS) as journal:
        journal.append(request(100), b"{}")
    asked(shipped, "ship")
    assert None is asked(shipped, "compact")["applied"]
    assert 1 == asked(shipped, "compact", "--apply")["applied"]
    assert 0 == asked(shipped, "compact", "--apply")["applied"]
    assert {"hot": ROWS + ITEMS} == rows(shipped)


@pytest.mark.parametrize("step", ["compact", "archive", "expire"])
def test_a_plan_makes_no_table(home: Path, step: str) -> None:
    """Before anything was shipped there is nothing to plan, and looking writes nothing."""
    done = run(home, step)
    assert (1, True) == (done.exit_code, "nothing was shipped yet" in done.stderr)
    assert not (home / "audit_log").exists()


@pytest.mark.parametrize("words", [("ship",), ("query",), ("mix",), ("archive",), ("query", "--user=ada")])
def test_no_home(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Bad input, and no folder is made."""
    done = run(tmp_path / "none", *words)
    assert (2, True) == (done.exit_code, "is no home folder yet" in done.stderr)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("where", ["home", "shipped"])
def test_a_stream_is_json_lines_without_limit(where: str, request: pytest.FixtureRequest) -> None:
    """Every entry, one object a line; on standard error how many came from where."""
    place: Path = request.getfixturevalue(where)
    done = run(place, "query", "--stream", "--limit=1")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    tier = "journal" if where == "home" else "hot"
    assert (ROWS, {tier}) == (len(found), {each["tier"] for each in found})
    assert f"{ROWS} entries: {ROWS} from {tier}" in done.stderr
    assert asked(place, "query", "--limit=1")["entries"][0] in found
    mine = run(place, "query", "--stream", "--user=ada").stdout.splitlines()
    assert {"request-7.0", "request-7.1", "request-7.2"} == {json.loads(line)["explanation_id"] for line in mine}
    assert "0 entries" in run(place, "query", "--stream", "--item=none").stderr
