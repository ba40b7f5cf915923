"""The figures are exact, events that come twice change nothing, and no label names a person or a call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dialer.adapters.metrics_table import COMMON, FAST_S, STANDARD, TABLE, VIEW, Kind
from dialer.adapters.process_metrics import ProcessMetrics, safe_label
from dialer.adapters.prometheus import CHECKED, FORECAST, Metrics
from dialer.domain import call as c
from dialer.domain.call import Call
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr, Tally
from dialer.domain.kpi import fold, plus
from dialer.domain.lead import Lead
from dialer.domain.operators import Operator, State, StateChange
from dialer.domain.pacing.decision import Decision, Dial, Outlook
from dialer.domain.pacing.limits import Limit
from dialer.domain.pacing.scorecard import Score
from dialer.domain.said import said
from dialer.domain.types import (
    Alerting,
    CallId,
    CampaignId,
    CampaignStatus,
    CellId,
    Direction,
    LeadId,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

NOW = datetime(2026, 2, 3, 10, tzinfo=UTC)
ONE, MAIN, NUMBER = CampaignId(1), TrunkId("main"), PhoneNumber("+79161234567")


def metrics() -> Metrics:
    return Metrics(version="0.1.0", cell=CellId("main"), started_at=NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def value(of: Metrics, name: str, **labels: str) -> float:
    found = of.registry.get_sample_value(name, labels)
    return 0.0 if found is None else found


def leased(name: str = "c-1", **fields: Any) -> Call:
    return Call(CallId(name), ONE, LeadId(1), NUMBER, MAIN, leased_at=NOW, **fields)


def talk(name: str = "c-1", *, start_s: float = 0.0, talk_s: float = 30.0) -> list[Call]:
    """A call from the lease to its end, one picture per step."""
    call = leased(name)
    steps: list[dict[str, Any]] = [
        {"state": c.State.ORIGINATING, "dialled_at": at(start_s)},
        {"state": c.State.RINGING, "ring_at": at(start_s + 1), "alerting": Alerting.RINGING},
        {"state": c.State.ANSWERED, "answer_at": at(start_s + 5)},
        {"state": c.State.RESERVED, "operator": OperatorId("101")},
        {
            "state": c.State.BRIDGED,
            "talked_with": OperatorId("101"),
            "bridge_at": at(start_s + 5.003),
            "talk_since_at": at(start_s + 5.003),
        },
        {
            "state": c.State.ENDED,
            "end_at": at(start_s + 5 + talk_s),
            "talk_since_at": None,
            "talk_s": talk_s,
            "outcome": Outcome.CONNECTED,
            "cause": 16,
        },
    ]
    pictures = [call]
    for step in steps:
        pictures.append(replace(pictures[-1], **step))
    return pictures


def unanswered(name: str, outcome: Outcome, *, rang: bool = True) -> list[Call]:
    dialled = replace(leased(name), state=c.State.ORIGINATING, dialled_at=at(0))
    ringing = replace(dialled, state=c.State.RINGING, ring_at=at(1)) if rang else dialled
    ended = replace(ringing, state=c.State.ENDED, end_at=at(26), outcome=outcome)
    return [leased(name), dialled, *([ringing] if rang else []), ended]


def show(to: Metrics, pictures: Iterable[Call], *, times: int = 1) -> None:
    before: Call | None = None
    for after in pictures:
        for _ in range(times):
            to.saw(before, c.Dialled(NOW), after)
            before = after


def test_one_talk_is_counted_once_in_every_figure() -> None:
    m = metrics()
    show(m, talk())
    assert value(m, "dialer_originated_total", campaign="1", trunk="main") == 1
    assert value(m, "dialer_attempts_total", campaign="1", outcome="connected") == 1
    assert value(m, "dialer_answered_live_total", campaign="1") == 1
    assert value(m, "dialer_abandoned_total", campaign="1") == 0
    assert value(m, "dialer_air_seconds_total", campaign="1") == 30
    assert value(m, "dialer_operator_calls_total", operator="101") == 1
    assert value(m, "dialer_operator_air_seconds_total", operator="101") == 30
    assert value(m, "dialer_operator_call_seconds_bucket", operator="101", le="30.0") == 1
    assert value(m, "dialer_operator_call_seconds_bucket", operator="101", le="20.0") == 0
    assert value(m, "dialer_trunk_ends_total", trunk="main", answered="yes", cause="16") == 1
    assert value(m, "dialer_line_seconds_total", campaign="1", trunk="main") == 35
    assert value(m, "dialer_talk_seconds_sum", campaign="1") == 30
    assert value(m, "dialer_setup_seconds_sum", trunk="main") == 1
    assert value(m, "dialer_ring_seconds_sum", campaign="1", answered="yes") == 4
    assert value(m, "dialer_ring_seconds_count", campaign="1", answered="no") == 0
    assert value(m, "dialer_answer_to_bridge_seconds_bucket", campaign="1", le="0.002") == 0
    assert value(m, "dialer_answer_to_bridge_seconds_bucket", campaign="1", le="0.004") == 1


def test_every_picture_shown_three_times_counts_no_more() -> None:
    once, thrice = metrics(), metrics()
    for name, m in (("once", once), ("thrice", thrice)):
        show(m, talk(), times=1 if name == "once" else 3)
        show(m, unanswered("c-2", Outcome.BUSY), times=1 if name == "once" else 3)
    assert _samples(once) == _samples(thrice)


def test_calls_in_flight_stand_in_their_state_until_they_end() -> None:
    m = metrics()
    pictures = talk()
    for n in range(len(pictures)):
        if n:
            m.saw(pictures[n - 1], c.Answered(NOW), pictures[n])
        else:
            m.saw(None, c.Dialled(NOW), pictures[0])
        standing = {s.value: value(m, "dialer_calls", state=s) for s in c.State if s is not c.State.ENDED}
        expected = pictures[n].state
        assert {state for state, count in standing.items() if count} == (
            set() if expected is c.State.ENDED else {expected}
        )


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_is_an_attempt_except_one_that_was_never_dialled(outcome: Outcome) -> None:
    m = metrics()
    show(m, unanswered("c-1", outcome))
    dialled = outcome is not Outcome.NOT_DIALLED
    assert value(m, "dialer_attempts_total", campaign="1", outcome=outcome) == dialled
    assert value(m, "dialer_not_dialled_total", campaign="1") == (not dialled)
    assert value(m, "dialer_abandoned_total", campaign="1") == (outcome is Outcome.ABANDONED)
    assert sum(value(m, "dialer_calls", state=state) for state in c.State) == 0


def test_an_adopted_call_is_in_flight_but_its_past_is_not_counted_again() -> None:
    m = metrics()
    bridged, ended = talk()[-2:]
    m.saw(None, None, bridged)
    assert value(m, "dialer_calls", state="bridged") == 1
    assert value(m, "dialer_answered_live_total", campaign="1") == 0
    assert value(m, "dialer_answer_to_bridge_seconds_count", campaign="1") == 0
    m.saw(bridged, c.Destroyed(NOW, 16), ended)
    assert value(m, "dialer_attempts_total", campaign="1", outcome="connected") == 1
    assert value(m, "dialer_air_seconds_total", campaign="1") == 30


def test_a_return_call_is_an_attempt_and_no_answer_of_the_abandon_ledger() -> None:
    m = metrics()
    show(m, [replace(picture, direction=Direction.IN) for picture in talk()])
    assert value(m, "dialer_attempts_total", campaign="1", outcome="connected") == 1
    assert value(m, "dialer_answered_live_total", campaign="1") == 0


def test_air_time_grows_with_each_finished_span_of_a_talk_that_was_held() -> None:
    m = metrics()
    *_, bridged, ended = talk(talk_s=30)
    held = replace(bridged, talk_s=12.5, talk_since_at=None, on_hold=True)
    show(m, [*talk()[:-1], held])
    assert value(m, "dialer_air_seconds_total", campaign="1") == 12.5
    m.saw(held, c.Destroyed(NOW, 16), ended)
    assert value(m, "dialer_air_seconds_total", campaign="1") == 30


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Outcome), st.integers(1, 900), st.booleans()), max_size=30))
def test_counters_equal_the_fold_over_the_records(calls: list[tuple[Outcome, int, bool]]) -> None:
    m, records = metrics(), []
    for n, (outcome, talk_s, answered) in enumerate(calls):
        if outcome is Outcome.NOT_DIALLED:
            continue
        pictures = talk(f"c-{n}", talk_s=talk_s) if answered else unanswered(f"c-{n}", outcome)
        pictures[-1] = replace(pictures[-1], outcome=outcome)
        show(m, pictures)
        records.append(_record(pictures[-1]))
    total = plus_all(records)
    of = {"campaign": "1"}
    assert sum(value(m, "dialer_attempts_total", **of, outcome=one) for one in Outcome) == total.attempts
    assert value(m, "dialer_answered_live_total", **of) == total.answered
    assert value(m, "dialer_attempts_total", **of, outcome="connected") == total.connected
    assert value(m, "dialer_abandoned_total", **of) == total.abandoned
    assert value(m, "dialer_air_seconds_total", **of) == pytest.approx(total.talk_s)
    assert value(m, "dialer_line_seconds_total", **of, trunk="main") == pytest.approx(total.duration_s)


def plus_all(records: list[Cdr]) -> Tally:
    return reduce(plus, fold(records, UTC).values(), Tally())


def _record(call: Call) -> Cdr:
    assert call.dialled_at is not None
    assert call.end_at is not None
    assert call.outcome is not None
    return Cdr(
        id=call.id, cell=CellId("main"), campaign=call.campaign, lead=call.lead, direction=call.direction,
        number=call.number, trunk=call.trunk, attempt_no=1, dialled_at=call.dialled_at, ring_at=call.ring_at,
        answer_at=call.answer_at, bridge_at=call.bridge_at, message_at=None, end_at=call.end_at, setup_s=None,
        ring_s=None, wait_s=None, talk_s=call.talk_s, outcome=call.outcome, alerting=call.alerting,
        cause=None, sip_code=None, ended_by=None, operator=None,
    )  # fmt: skip


def test_operators_stand_in_one_state_and_their_time_is_counted() -> None:
    m = metrics()
    anna = OperatorId("101")
    m.know_operators([anna, OperatorId("102")])
    m.know_operators([anna])
    assert value(m, "dialer_operators", state="offline") == 2
    for was, became, second, campaign in [
        (State.OFFLINE, State.READY, 0, None),
        (State.READY, State.TALKING, 60, ONE),
        (State.TALKING, State.WRAP_UP, 100, ONE),
    ]:
        change = StateChange(anna, was, became, "", at(second), campaign=campaign)
        m.moved(change, Operator(anna, state=became, campaign=campaign))
    assert value(m, "dialer_operators", state="wrap_up") == 1
    assert value(m, "dialer_operators", state="offline") == 1
    assert sum(value(m, "dialer_operators", state=state) for state in State) == 2
    assert value(m, "dialer_operator_state_seconds_total", operator="101", state="ready") == 60
    since = [each for each in _samples(m) if each[0] == "dialer_operator_since_seconds"]
    labels = (("operator", "101"), ("state", "wrap_up"))
    assert since == [("dialer_operator_since_seconds", labels, at(100).timestamp())]
    assert value(m, "dialer_operator_talk_seconds_total", campaign="1") == 40


def test_time_in_a_state_is_counted_while_it_lasts_and_not_twice() -> None:
    m = metrics()
    anna = OperatorId("101")
    m.moved(StateChange(anna, State.READY, State.TALKING, "", at(0), campaign=ONE), Operator(anna))
    m.passed(at(30))
    assert value(m, "dialer_operator_state_seconds_total", operator="101", state="talking") == 30
    m.passed(at(35))
    m.moved(StateChange(anna, State.TALKING, State.PAUSED, "", at(34.9), campaign=ONE), Operator(anna))
    m.passed(at(95))
    assert value(m, "dialer_operator_state_seconds_total", operator="101", state="talking") == 35
    assert value(m, "dialer_operator_talk_seconds_total", campaign="1") == 35
    assert value(m, "dialer_operator_state_seconds_total", operator="101", state="paused") == 60


def test_everything_that_calls_do_not_show_has_a_setter() -> None:
    m = metrics()
    fill(m)
    assert value(m, "dialer_link_up") == 0
    assert value(m, "dialer_link_changes_total", to="up") == 1
    assert value(m, "dialer_event_lag_seconds_count") == 2
    assert value(m, "dialer_event_lag_seconds_sum") == 0.004  # a clock that runs behind gives no negative lag
    assert value(m, "dialer_queue_depth", queue="journal") == 7
    assert value(m, "dialer_leads", campaign="1", status="retry_due") == 5
    assert value(m, "dialer_leads_at_hand", campaign="1") == 12
    assert value(m, "dialer_ready_operators", campaign="1") == 3
    assert value(m, "dialer_campaign_ceiling_ratio", campaign="1") == 0.03
    assert (
        0
        < value(m, "dialer_disk_free_bytes", folder="data")
        <= value(m, "dialer_disk_size_bytes", folder="data")
    )
    assert value(m, "dialer_trunk_registered", trunk="main") == 1
    assert value(m, "dialer_trunk_reachable", trunk="main") == 0
    assert value(m, "dialer_trunk_refused", trunk="main") == 1
    assert value(m, "dialer_decisions_total", did="both") == 1
    assert value(m, "dialer_decisions_total", did="wait") == 2
    assert value(m, "dialer_decided_give_up_total") == 2
    assert value(m, "dialer_decision_seconds_sum") == pytest.approx(0.006)
    assert value(m, "dialer_decision_limits_total", campaign="1", limit="leads") == 1
    assert value(m, "dialer_refused_total", campaign="1", gate="dnc") == 1
    assert value(m, "dialer_build_info", version="0.1.0", cell="main") == 1
    m.forget_trunk(MAIN)
    assert m.registry.get_sample_value("dialer_trunk_registered", {"trunk": "main"}) is None


def test_a_forecast_is_shown_while_it_holds_and_how_true_they_were_adds_up() -> None:
    m = metrics()
    seen = Outlook(21.0, 4, 3, 0.7, 2.5, 0.064, 0.047, 0.2)
    m.decided(Decision(outlook={ONE: seen}), 0.001)
    shown = {name: m.registry.get_sample_value(name, {"campaign": "1"}) for name in FORECAST}
    assert shown == {
        "dialer_forecast_horizon_seconds": 21.0,
        "dialer_forecast_answers": 0.7,
        "dialer_forecast_free_operators": 2.5,
        "dialer_pacing_risk": 0.064,
        "dialer_pacing_price": 0.047,
        "dialer_abandon_budget_calls": 0.2,
    }
    m.decided(Decision(), 0.001)
    assert {m.registry.get_sample_value(name, {"campaign": "1"}) for name in FORECAST} == {None}
    for _ in range(2):
        m.scored({ONE: Score(2, 1.5, 1.0, 0.75, 3.0, 4.0, 1.0)})
    assert [value(m, name, campaign="1") for name in CHECKED] == [4, 3.0, 2.0, 1.5, 6.0, 8.0, 2.0]


def test_a_renamed_campaign_leaves_no_old_line() -> None:
    m = metrics()
    m.know_campaigns([Campaign(ONE, "spring")])
    m.know_campaigns([Campaign(ONE, "summer", status=CampaignStatus.RUNNING)])
    lines = [labels for name, labels, _ in _samples(m) if name == "dialer_campaign_info"]
    assert [dict(labels)["name"] for labels in lines] == ["summer"]


def test_no_label_holds_a_number_or_a_call_id() -> None:
    """Everything is shown once, with names that people may well choose to be numbers."""
    m = metrics()
    fill(m)
    spiteful = TrunkId("79161234567")
    m.trunk(spiteful, registered=True)
    m.know_campaigns([Campaign(ONE, "перезвонить на +79161234567, 89161234568")])
    show(m, [replace(picture, trunk=spiteful) for picture in talk("c-01hzy-42")])
    show(m, unanswered("c-01hzy-43", Outcome.BUSY))
    texts = [text for _, labels, _ in _samples(m) for name, text in labels if name != "le"]
    assert len(texts) > 50
    for text in texts:
        assert not re.search(r"\d{7,}", text), text
        assert "c-01hzy" not in text
    assert safe_label("call +79161234567 now") == "call +7********67 now"


def test_the_table_is_what_the_page_shows_and_each_metric_can_be_filled() -> None:
    m = metrics()
    fill(m)
    show(m, talk())
    show(m, unanswered("c-2", Outcome.NOT_DIALLED))
    show(m, unanswered("c-3", Outcome.ABANDONED))
    show(m, [replace(picture, came_apart=n > 2) for n, picture in enumerate(talk("c-4"))])
    assert value(m, "dialer_joins_apart_total", trunk="main") == 1
    m.met(MAIN, "busy")
    m.spending({MAIN: (90.0, 0.25)})
    assert value(m, "dialer_trunk_used_seconds", trunk="main") == 90
    assert value(m, "dialer_trunk_ceiling_used_ratio", trunk="main") == 0.25
    assert value(m, "dialer_unknown_callers_total", trunk="main", done="busy") == 1
    page, content_type = m.page()
    families = {family.name: family for family in text_string_to_metric_families(page.decode())}
    assert content_type.startswith("text/plain")
    for row in (each for each in TABLE if each not in VIEW):
        name = row.name.removesuffix("_total") if row.kind is Kind.COUNTER else row.name
        assert families[name].type == row.kind.value
        assert families[name].documentation == row.meaning
        assert families[name].samples, f"nothing fills {row.name}"
        labels = set().union(*(sample.labels for sample in families[name].samples)) - {"le"}
        assert labels == set(row.labels)
    counted = {row.name for row in TABLE if row.kind is Kind.COUNTER}
    assert all(name.endswith("_total") for name in counted)


def test_a_campaign_that_runs_no_more_shows_nothing_at_hand() -> None:
    m = metrics()
    m.at_hand({ONE: (12, 3)})
    m.supply(ONE, 40, 600.0)
    assert m.registry.get_sample_value("dialer_leads_callable", {"campaign": "1"}) == 40
    assert m.registry.get_sample_value("dialer_dials_per_hour", {"campaign": "1"}) == 600
    m.at_hand({})
    assert m.registry.get_sample_value("dialer_leads_callable", {"campaign": "1"}) is None
    assert m.registry.get_sample_value("dialer_dials_per_hour", {"campaign": "1"}) is None
    assert m.registry.get_sample_value("dialer_leads_at_hand", {"campaign": "1"}) is None
    assert m.registry.get_sample_value("dialer_ready_operators", {"campaign": "1"}) is None


def test_counters_that_are_divided_stand_at_zero_before_their_first_event() -> None:
    m = metrics()
    m.know_campaigns([Campaign(ONE, "spring", trunks=(MAIN,))])
    m.know_operators([OperatorId("101")])
    for name in ("dialer_answered_live_total", "dialer_abandoned_total"):
        assert m.registry.get_sample_value(name, {"campaign": "1"}) == 0
    assert m.registry.get_sample_value("dialer_originated_total", {"campaign": "1", "trunk": "main"}) == 0
    for state in State:
        labels = {"operator": "101", "state": state}
        assert m.registry.get_sample_value("dialer_operator_state_seconds_total", labels) == 0
    assert m.registry.get_sample_value("dialer_operator_calls_total", {"operator": "101"}) == 0
    assert m.registry.get_sample_value("dialer_operator_call_seconds_count", {"operator": "101"}) == 0
    labels = {"trunk": "main", "answered": "yes", "cause": "16"}
    assert m.registry.get_sample_value("dialer_trunk_ends_total", labels) == 0
    for outcome in set(Outcome) - {Outcome.NOT_DIALLED}:
        labels = {"campaign": "1", "outcome": outcome}
        assert m.registry.get_sample_value("dialer_attempts_total", labels) == 0
    for limit in Limit:
        labels = {"campaign": "1", "limit": limit}
        assert m.registry.get_sample_value("dialer_decision_limits_total", labels) == 0


def test_a_folder_that_is_away_breaks_no_scrape() -> None:
    m = metrics()
    m.watch_disk("data", Path("/nowhere/at/all"))
    assert b'dialer_disk_free_bytes{folder="data"} NaN' in m.page()[0]


def test_buckets_of_answer_to_bridge_begin_at_a_millisecond_and_hold_the_limits() -> None:
    assert FAST_S[0] == 0.001
    assert {0.004, 0.025, 1.5, 2.0} <= set(FAST_S)
    for row in TABLE:
        assert list(row.buckets) == sorted(set(row.buckets))
        assert bool(row.buckets) is (row.kind is Kind.HISTOGRAM)


def fill(m: Metrics) -> None:
    """Everything that has a setter, once."""
    m.saw_link(True)
    m.saw_link(False)
    m.saw_lag(0.004)
    m.saw_lag(-1.0)
    m.request_failed("timed-out")
    m.watch_hold("clock", lambda: "")
    m.set_aside(["trunk main"])
    m.mistake("pacer")
    m.watch_refused(lambda: 2)
    m.watch_clocks(lambda: 0.01)
    m.watch_queue("journal", lambda: 7)
    m.watch_disk("data", Path("/"))
    m.at_hand({ONE: (12, 3)})
    m.supply(ONE, 40, 600.0)
    m.leads(ONE, {"new": 3, "retry_due": 5})
    m.trunk(MAIN, registered=True, reachable=False, refused=True)
    m.know_operators([OperatorId("109")])
    m.know_campaigns([Campaign(ONE, "spring")])
    lead = Lead(LeadId(1), ONE, (NUMBER,))
    m.decided(Decision([Dial(lead, ONE, MAIN)], [CallId("c-8"), CallId("c-9")]), 0.001)
    m.decided(Decision(reason={ONE: said("0 lines: {why}.", why=said("no lead is due"))}), 0.002)
    m.decided(Decision(outlook={ONE: Outlook(21.0, 4, 3, 0.7, 2.5, 0.064, 0.047, 0.2)}), 0.003)
    m.refused(ONE, "dnc")
    m.answered("GET", 200, 0.003)
    m.scored({ONE: Score(2, 1.5, 1.0, 0.75, 3.0, 4.0, 1.0)})
    for second, became in enumerate([State.TALKING, State.WRAP_UP]):
        change = StateChange(OperatorId("110"), State.READY, became, "", at(second), campaign=ONE)
        m.moved(change, Operator(OperatorId("110"), state=became, campaign=ONE))


def _samples(m: Metrics) -> list[tuple[str, tuple[tuple[str, str], ...], float]]:
    return sorted(
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for family in m.registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created") and not sample.name.startswith("process_")
    )


def test_a_process_without_a_cell_shows_no_link_that_could_be_down() -> None:
    page, _ = ProcessMetrics(version="0.1.0", cell=CellId("main"), started_at=NOW).page()
    families = {family.name for family in text_string_to_metric_families(page.decode())}
    families = {name for name in families if not name.endswith("_created")}  # of each counter
    assert families == {row.name.removesuffix("_total") for row in (*COMMON, *STANDARD)}


def test_one_page_has_what_engine_and_web_tell_and_keeps_both_apart_also_without_the_engine() -> None:
    web = ProcessMetrics(version="0.1.0", cell=CellId("main"), started_at=NOW, rows=(*COMMON, *VIEW))
    web.answered("GET", 200, 0.003)
    engine = Metrics(version="0.1.0", cell=CellId("main"), started_at=NOW).page()[0].decode()
    started, answered = "dialer_started_seconds", 'dialer_api_seconds_count{method="GET",status="2xx"}'
    for told, parts in ((engine, ["", '{part="web"}']), ("", ['{part="web"}'])):
        web.engine_answers(is_up=bool(told))
        lines = [line.rpartition(" ")[0] for line in web.page_with(told)[0].decode().splitlines()]
        assert [line.removeprefix(started) for line in lines if line.startswith(started)] == parts
        assert lines.count(answered) == lines.count("dialer_engine_up") == 1
        assert lines.count("dialer_link_up") == bool(told)
        series = [line for line in lines if not line.startswith("#")]
        assert len(series) == len(set(series))


def test_an_answer_of_the_api_is_measured_and_a_strange_method_makes_no_label() -> None:
    m = ProcessMetrics(version="0.1.0", cell=CellId("main"), started_at=NOW)
    m.answered("GET", 200, 0.003)
    m.answered("+79161234567", 405, 0.001)
    count = "dialer_api_seconds_count"
    assert m.registry.get_sample_value(count, {"method": "GET", "status": "2xx"}) == 1
    assert m.registry.get_sample_value(count, {"method": "other", "status": "4xx"}) == 1


@pytest.mark.parametrize(
    ("outcome", "cause", "ring_at", "shown"),
    [
        (Outcome.TRUNK_REFUSED, 21, None, "refused"),
        (Outcome.REJECTED, 21, None, "21"),
        (Outcome.NETWORK_FAILURE, 18, None, "silence"),  # a 408
        (Outcome.NETWORK_FAILURE, 16, None, "silence"),  # we gave up waiting
        (Outcome.NETWORK_FAILURE, 38, None, "38"),
        (Outcome.NETWORK_FAILURE, 127, NOW, "127"),
        (Outcome.BUSY, 17, None, "17"),
    ],
)
def test_how_a_trunk_ended_a_call_names_who_is_to_blame(
    outcome: Outcome, cause: int, ring_at: datetime | None, shown: str
) -> None:
    dialled = replace(leased(), state=c.State.ORIGINATING, dialled_at=NOW, ring_at=ring_at)
    m = metrics()
    show(m, [dialled, replace(dialled, state=c.State.ENDED, outcome=outcome, cause=cause, end_at=NOW)])
    assert value(m, "dialer_trunk_ends_total", trunk="main", answered="no", cause=shown) == 1
