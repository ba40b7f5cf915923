"""The alert rules fire when they should and not otherwise; promtool judges them as Prometheus would."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dialer.adapters.metrics_table import TABLE, Kind

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "docker/prometheus"
RECORDS, ALERTS = PROMETHEUS / "rules/records.yml", PROMETHEUS / "rules/alerts.yml"
RUNBOOKS = ROOT / "docs/runbooks"
QUICK_S = 60


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=QUICK_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_and_alertmanager_take_their_configurations() -> None:
    run("promtool", "check", "rules", RECORDS, ALERTS)
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    run("amtool", "check-config", ROOT / "docker/alertmanager/alertmanager.yml")


# --- names ------------------------------------------------------------------------------------------------

EXPRESSION = re.compile(r"expr: (?:[|>]-\n((?: {10}.*\n)+)|(.*)\n)")


def expressions(path: Path) -> str:
    return "\n".join(block or line for block, line in EXPRESSION.findall(path.read_text("utf-8")))


def test_every_metric_and_label_in_the_rules_is_the_products() -> None:
    labels = {row.name: set(row.labels) | {"cell"} for row in TABLE}  # `cell` comes with the target
    for row in TABLE:
        if row.kind is Kind.HISTOGRAM:
            del labels[row.name]
            labels |= {f"{row.name}_{end}": {*row.labels, "cell", "le"} for end in ("bucket", "count", "sum")}
    text = expressions(RECORDS) + expressions(ALERTS)
    used = re.findall(r"(?<![:\w])(dialer_\w+)(?:\{([^}]*)\})?", text)
    assert len(used) > 50
    for name, selector in used:
        assert name in labels, name
        assert set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", selector)) <= labels[name], f"{name}{{{selector}}}"


def test_every_record_that_an_alert_reads_is_made() -> None:
    made = set(re.findall(r"record: (\S+)", RECORDS.read_text("utf-8")))
    read = set(re.findall(r"\w+:dialer_\w+:\w+", expressions(ALERTS) + expressions(RECORDS)))
    assert read
    assert read <= made


def test_every_alert_says_what_it_means_in_two_languages_and_has_a_runbook_page() -> None:
    alerts = ALERTS.read_text("utf-8").split("- alert: ")[1:]
    assert len(alerts) > 10
    for alert in alerts:
        assert re.search(r"severity: (warning|critical)", alert)
        assert re.search(r'^ +summary: ".+"$', alert, re.MULTILINE)
        assert re.search(r'^ +summary_ru: ".*[а-я].*"$', alert, re.MULTILINE)
        assert re.search(r'^ +description: ".+"$', alert, re.MULTILINE)
        page = re.search(r"^ +runbook: (\S+)$", alert, re.MULTILINE)
        assert page is not None
        text = (ROOT / page[1]).read_text("utf-8")
        name = alert.split("\n")[0]
        assert f"`{name}`" in text, f"{page[1]} does not name {name}"


def test_no_runbook_page_is_left_over() -> None:
    named = set(re.findall(r"runbook: docs/runbooks/(\S+)", ALERTS.read_text("utf-8")))
    assert named == {page.name for page in RUNBOOKS.glob("*.md")}


# --- when they fire ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """Series in promtool's notation, one value a minute, and the minutes at which an alert stands or not."""

    promise: str
    alert: str
    series: dict[str, str]
    fires_at: tuple[int, ...] = ()
    silent_at: tuple[int, ...] = ()
    window: str = ""  # of alerts that exist for several


CELL = 'cell="main"'
LINK, DISK = f"dialer_link_up{{{CELL}}}", f'dialer_disk_free_bytes{{{CELL}, folder="data"}}'
ASIDE, REFUSED = f'dialer_set_aside{{{CELL}, name="main"}}', f"dialer_refused_facts{{{CELL}}}"
MISTAKES = f'dialer_mistakes_total{{{CELL}, part="observer Mirror"}}'
BRAKE = f'dialer_braked{{{CELL}, campaign="1"}}'
BACK = f"dialer_leads_held_back{{{CELL}}}"
PINS = f'dialer_pin_locks_total{{{CELL}, of="operator"}}'
HELD = f'dialer_held{{{CELL}, reason="journal"}}'
SIZE = f'dialer_disk_size_bytes{{{CELL}, folder="data"}}'
UP = f'up{{job="obzvon", instance="main/all", {CELL}}}'
ENGINE = f'dialer_engine_up{{job="obzvon", instance="main/all", {CELL}}}'
QUEUE = f'dialer_queue_depth{{{CELL}, queue="journal"}}'
CEILING = f'dialer_campaign_ceiling_ratio{{{CELL}, campaign="1"}}'
LIVE, LOST = (f'dialer_{name}_total{{{CELL}, campaign="1"}}' for name in ("answered_live", "abandoned"))


def abandoned(each_minute: float, *, answered: float = 10, minutes: int = 60) -> dict[str, str]:
    return {
        CEILING: f"0.03x{minutes}",
        LIVE: f"0+{answered}x{minutes}",
        LOST: f"0+{each_minute}x{minutes}",
    }


def idle(**other: str) -> dict[str, str]:
    """Two operators wait, leads are due, nothing goes out; but for `other`."""
    given = {"ready": "2x20", "leads": "50x20", "ringing": "0x20", "originated": "7x20"} | other
    return {
        f'dialer_ready_operators{{{CELL}, campaign="1"}}': given["ready"],
        f'dialer_leads_at_hand{{{CELL}, campaign="1"}}': given["leads"],
        f'dialer_calls{{{CELL}, state="ringing"}}': given["ringing"],
        f'dialer_originated_total{{{CELL}, campaign="2", trunk="main"}}': given["originated"],
    }


def supply(leads: str, pace: str, other: str = "0x20") -> dict[str, str]:
    """Leads of a campaign that can be called, and how many an hour each of two cells dials."""
    return {
        f'dialer_leads_callable{{{CELL}, campaign="1"}}': leads,
        f'dialer_dials_per_hour{{{CELL}, campaign="1"}}': pace,
        'dialer_dials_per_hour{cell="other", campaign="1"}': other,
    }


def late(in_time: int, what: str = "event_lag", of: int = 100) -> dict[str, str]:
    """Of 100 events a minute so many within 0.1 s."""
    counts = {"0.1": in_time, "0.25": of, "+Inf": of}
    name = f"dialer_{what}_seconds_bucket"
    return {f'{name}{{{CELL}, le="{le}"}}': f"0+{n}x20" for le, n in counts.items()}


def bridged(quick: float, each_minute: float) -> dict[str, str]:
    name, labels = "dialer_answer_to_bridge_seconds", f'{CELL}, campaign="1"'
    return {
        f'{name}_bucket{{{labels}, le="0.5"}}': f"0+{quick * each_minute}x60",
        f'{name}_bucket{{{labels}, le="+Inf"}}': f"0+{each_minute}x60",
        f"{name}_count{{{labels}}}": f"0+{each_minute}x60",
    }


def ends(*causes: tuple[str, int | str, str]) -> dict[str, str]:
    """(answered, cause, values) each."""
    name = f'dialer_trunk_ends_total{{{CELL}, trunk="main"'
    return {f'{name}, answered="{yes}", cause="{cause}"}}': values for yes, cause, values in causes}


def since(state: str) -> dict[str, str]:
    """In this state since second 0 of promtool's time."""
    return {f'dialer_operator_since_seconds{{{CELL}, operator="101", state="{state}"}}': "0x240"}


def then(hours: int, a_minute: float, after: float) -> str:
    """A counter that grows so much a minute for hours, and then otherwise for an hour."""
    return f"0+{a_minute}x{hours * 60} {hours * 60 * a_minute + after}+{after}x60"


CASES = (
    Case("a part that is away for two minutes", "PartDown", {UP: "1x4 0x10"}, (8, 12), (5, 6)),
    Case("an engine whose web is there", "PartDown", {UP: "1x14", ENGINE: "1x4 0x10"}, (8, 12), (5, 6)),
    Case("a part that is back before", "PartDown", {UP: "1x4 0x0 1x10"}, (), (5, 6, 8)),
    Case("a link that is down for a minute", "LinkDown", {LINK: "1x4 0x10"}, (6, 12), (4, 5)),
    Case("a link that is up", "LinkDown", {LINK: "1x10"}, (), (5, 10)),
    Case("all waits for ten minutes", "NothingDialled", idle(), (10, 15), (0, 4)),
    Case("another campaign is dialled", "NothingDialled", idle(originated="0+1x20"), (), (10, 15)),
    Case("nobody is ready", "NothingDialled", idle(ready="0x20"), (), (10, 15)),
    Case("nobody is due", "NothingDialled", idle(leads="0x20"), (), (10, 15)),
    Case("somebody's phone rings", "NothingDialled", idle(ringing="1x20"), (), (10, 15)),
    Case("leads for half an hour", "ListNearlyEmpty", supply("300x20", "600x20"), (5, 15), (0, 4)),
    Case("leads for two hours", "ListNearlyEmpty", supply("1200x20", "600x20"), (), (5, 15)),
    Case("two cells dial twice as many", "ListNearlyEmpty", supply("900x20", "600x20", "600x20"), (5, 15)),
    Case("nothing is dialled", "ListNearlyEmpty", supply("3x20", "0x20"), (), (5, 15)),
    Case("a list that runs out", "ListNearlyEmpty", supply("0x20", "600x20"), (5, 15)),
    Case("6 % later than 0.1 s", "EventsLate", late(94), (10, 15), (3,)),
    Case("4 % later than 0.1 s", "EventsLate", late(96), (), (10, 15)),
    Case("2 % of looks later than 0.1 s", "LoopLate", late(98, "loop_lag"), (10, 15), (3,)),
    Case("half a percent later than 0.1 s", "LoopLate", late(995, "loop_lag", of=1000), (), (10, 15)),
    Case("11 % wait long", "BridgeSlow", bridged(0.89, 4), (40,), (5,)),
    Case("9 % wait long", "BridgeSlow", bridged(0.91, 4), (), (40, 60)),
    Case("few talks prove nothing", "BridgeSlow", bridged(0.5, 1), (), (40, 60)),
    Case("a fifth of the answers of before", "TrunkAnswersFew",
         ends(("yes", 16, then(4, 4, 1)), ("no", 19, then(4, 16, 19))), (275, 290), (240,)),
    Case("somewhat fewer answers", "TrunkAnswersFew",
         ends(("yes", 16, then(4, 4, 3)), ("no", 19, then(4, 16, 17))), (), (275, 290)),
    Case("few calls prove nothing", "TrunkAnswersFew",
         ends(("yes", 16, then(4, 4, 0)), ("no", 19, then(4, 16, 5))), (), (275, 290)),
    Case("a trunk without a single answer after a good day", "TrunkAnswersFew",
         ends(("yes", 16, then(4, 4, 0)), ("no", 19, then(4, 16, 20))), (275, 290), (240,)),
    Case("a third fails in the network", "TrunkFailing",
         ends(("no", 34, "0+2x60"), ("no", 38, "0+2x60"), ("no", 19, "0+8x60")), (20, 40), (2,)),
    Case("a quarter fails in the network", "TrunkFailing",
         ends(("no", 34, "0+3x60"), ("no", 19, "0+9x60")), (), (20, 40)),
    Case("busy and unanswered people are no failure", "TrunkFailing",
         ends(("no", 17, "0+5x60"), ("no", 19, "0+5x60"), ("no", 0, "0+5x60")), (), (20, 40)),
    Case("a network that says nothing", "TrunkFailing",
         ends(("no", "silence", "0+4x60"), ("no", 19, "0+8x60")), (20, 40), (2,)),
    Case("people who decline are no failure", "TrunkFailing",
         ends(("no", 21, "0+5x60"), ("no", 19, "0+5x60")), (), (20, 40)),
    Case("a carrier that refuses us for two minutes", "TrunkRefused",
         {f'dialer_trunk_refused{{{CELL}, trunk="main"}}': "0x4 1x10"}, (8, 12), (4, 6)),
    Case("a carrier that takes our calls again", "TrunkRefused",
         {f'dialer_trunk_refused{{{CELL}, trunk="main"}}': "0x4 1x1 0x10"}, (), (5, 8)),
    Case("one call a minute proves nothing", "TrunkFailing", ends(("no", 34, "0+1x60")), (), (20, 40)),
    Case("a carrier that is silent for three minutes", "TrunkUnreachable",
         {f'dialer_trunk_reachable{{{CELL}, trunk="main"}}': "1x4 0x10"}, (8, 12), (5, 7)),
    Case("a registration that is refused", "TrunkUnreachable",
         {f'dialer_trunk_reachable{{{CELL}, trunk="main"}}': "1x20",
          f'dialer_trunk_registered{{{CELL}, trunk="main"}}': "1x4 0x10"}, (8, 12), (5, 7)),
    Case("a trunk that works", "TrunkUnreachable",
         {f'dialer_trunk_reachable{{{CELL}, trunk="main"}}': "1x20"}, (), (5, 12)),
    Case("one join that comes apart", "TrunkNotHeard",
         {f'dialer_joins_apart_total{{{CELL}, trunk="main"}}': "0x4 1x20"}, (6, 12), (4, 18)),
    Case("joins that hold", "TrunkNotHeard",
         {f'dialer_joins_apart_total{{{CELL}, trunk="main"}}': "3x20"}, (), (5, 12)),
    Case("a trunk short of its ceiling", "TrunkCeiling",
         {f'dialer_trunk_ceiling_used_ratio{{{CELL}, trunk="main"}}': "0.99x20"}, (), (5, 12)),
    Case("a trunk that has used its ceiling for the day", "TrunkCeiling",
         {f'dialer_trunk_ceiling_used_ratio{{{CELL}, trunk="main"}}': "0.8 0.9 0.9 1x5 0x5"},
         (3, 7), (2, 9)),
    Case("reserved for over three minutes", "OperatorStuck", since("reserved"), (5, 20), (3, 4)),
    Case("connecting for over three minutes", "OperatorStuck", since("connecting"), (5, 20), (3, 4)),
    Case("a wrap-up of over half an hour", "OperatorStuck", since("wrap_up"), (32, 40), (29, 31)),
    Case("a talk of over two hours", "OperatorStuck", since("talking"), (122, 150), (110, 121)),
    Case("ready and paused may last", "OperatorStuck", since("ready") | since("paused"), (), (200,)),
    Case("101 facts that stay", "JournalStuck", {QUEUE: "101x20"}, (10, 15), (4,)),
    Case("100 facts are a busy moment", "JournalStuck", {QUEUE: "100x20"}, (), (10, 15)),
    Case("a journal that drains now and then", "JournalStuck",
         {QUEUE: "900 900 900 3 900 900 900 3 900 900 900 3 900 900 900 3 900"}, (), (10, 15)),
    Case("the journal cannot be written", "DialingHeld", {HELD: "0x3 1x10"}, (6, 12), (3, 4)),
    Case("a brake that is pulled", "Braked", {BRAKE: "0x3 1x10"}, (5,), (3,)),
    Case("a brake that is off", "Braked", {BRAKE: "0x10"}, (), (5,)),
    Case("a damaged journal", "LeadsHeldBack", {BACK: "0x3 40x20"}, (10, 15), (4, 7)),
    Case("a whole journal", "LeadsHeldBack", {BACK: "0x20"}, (), (10, 15)),
    Case("held for a moment", "DialingHeld", {HELD: "0x3 1 0x10"}, (), (4, 5, 8)),
    Case("less than 2 GB", "DiskLow", {DISK: "1.9e9x40", SIZE: "1e11x40"}, (20, 40), (10, 14)),
    Case("2 GB", "DiskLow", {DISK: "2e9x40", SIZE: "1e11x40"}, (), (20, 40)),
    Case("full within a day", "DiskLow", {DISK: "4e10-4e7x60", SIZE: "1e11x60"}, (30, 60), (10,)),
    Case("fuller by little", "DiskLow", {DISK: "4e10-1e7x60", SIZE: "1e11x60"}, (), (30, 60)),
    Case("one lock", "PinsGuessed", {PINS: "0 0 1x30"}, (3, 10), (1, 25)),
    Case("no lock since the start", "PinsGuessed", {PINS: "4x30"}, (), (1, 20)),
    Case("less than 500 MB", "DiskFull", {DISK: "4.9e8x10"}, (2, 8), (1,)),
    Case("500 MB", "DiskFull", {DISK: "5e8x10"}, (), (5, 10)),
    Case("a trunk that Asterisk cannot have", "SetAside", {ASIDE: "_x2 1x20"}, (9, 15), (3, 6)),
    Case("a name server that is back", "SetAside", {ASIDE: "1x3 _x10"}, (), (4, 10)),
    Case("a record that is refused", "RecordsRefused", {REFUSED: "0x3 1x10"}, (6, 12), (3, 4)),
    Case("records that are taken", "RecordsRefused", {REFUSED: "0x12"}, (), (5, 10)),
    Case("no mistake", "Mistake", {MISTAKES: "1x12"}, (), (5, 10)),
    Case("a mistake", "Mistake", {MISTAKES: "0x3 1x30"}, (6, 12), (2, 25)),
)  # fmt: skip


BUDGETS = tuple(
    Case(f"{promise} in {window}", alert, series, fires_at, silent_at, window)
    for window in ("24h", "30d")
    for promise, alert, series, fires_at, silent_at in (
        ("2.5 of 3 %", "AbandonBudgetNearlySpent", abandoned(0.25), (40,), (1, 5)),
        ("2.3 of 3 %", "AbandonBudgetNearlySpent", abandoned(0.23), (), (40, 60)),
        ("few answers prove nothing", "AbandonBudgetNearlySpent", abandoned(0.04, answered=0.65), (), (60,)),
        ("3.1 of 3 %", "AbandonCeilingPassed", abandoned(0.31), (40,), (1, 5)),
        ("2.9 of 3 % is no breach", "AbandonCeilingPassed", abandoned(0.29), (), (40, 60)),
    )
)
ALL = CASES + BUDGETS


def as_test(case: Case) -> dict[str, Any]:
    """promtool's form: whether the alert stands at that minute, whatever its labels."""
    alert = f'alertname="Obzvon{case.alert}", alertstate="firing", window="{case.window}"'
    query = f"count(ALERTS{{{alert}}}) > bool 0 or vector(0)"
    at = [*((minute, 1) for minute in case.fires_at), *((minute, 0) for minute in case.silent_at)]
    return {
        "name": f"{case.alert}: {case.promise}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": f"{minute}m", "exp_samples": [{"labels": "{}", "value": value}]}
            for minute, value in at
        ],
    }


def judge(tests: Iterable[dict[str, Any]], folder: Path) -> None:
    page = {
        "rule_files": [str(RECORDS), str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": list(tests),
    }
    path = folder / "alerts.test.yml"
    path.write_text(json.dumps(page), encoding="utf-8")  # JSON is YAML
    run("promtool", "test", "rules", path)


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.alert}: {case.promise}")
def test_an_alert_fires_after_its_time_and_not_for_less(case: Case, tmp_path: Path) -> None:
    judge([as_test(case)], tmp_path)


def test_every_alert_is_seen_to_fire_and_to_keep_silent() -> None:
    found = re.findall(
        r"- alert: Obzvon(\S+)(?:(?!- alert:)[\s\S])*?labels: {(.*)}", ALERTS.read_text("utf-8")
    )
    alerts = {(name, labels.partition("window: ")[2]) for name, labels in found}
    assert len(alerts) > 10
    assert {(case.alert, case.window) for case in ALL if case.fires_at} == alerts
    assert {(case.alert, case.window) for case in ALL if not case.fires_at} == alerts
