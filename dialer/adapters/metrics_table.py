"""The table of metrics: every name, kind, meaning, label and bucket, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Answer to bridge is a matter of milliseconds when all is well and of 1.5 s when nobody is free.
FAST_S = (0.001, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.016, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0)
LAG_S = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
RING_S = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 90.0)
TALK_S = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
SETUP_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)
API_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DECIDE_S = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric: its full name as Prometheus shows it, what it means, its labels."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM
# Of every process.
COMMON: tuple[Row, ...] = (
    Row("dialer_build_info", _G, "Always 1; the label says which version runs.", ("version", "cell")),
    Row("dialer_started_seconds", _G, "When this process started, in seconds since 1970."),
    Row("dialer_api_seconds", _H, "From a request under /v1 to the end of its answer.",
        ("method", "status"), API_S),
    Row("dialer_pin_locks_total", _C, "Locks after wrong PINs, of an operator or of a phone.", ("of",)),
    Row("dialer_agi_refused_total", _C, "FastAGI connections that were turned away: no secret, no Asterisk."),
)  # fmt: skip
# Of every process as well, under the names that all programs use; prometheus_client fills them.
STANDARD: tuple[Row, ...] = (
    Row("process_virtual_memory_bytes", _G, "Virtual memory size in bytes."),
    Row("process_resident_memory_bytes", _G, "Resident memory size in bytes."),
    Row("process_start_time_seconds", _G, "Start time of the process since unix epoch in seconds."),
    Row("process_cpu_seconds_total", _C, "Total user and system CPU time spent in seconds."),
    Row("process_open_fds", _G, "Number of open file descriptors."),
    Row("process_max_fds", _G, "Maximum number of open file descriptors."),
)
# Of a process that asks the engine beside it for the figures of the cell.
VIEW: tuple[Row, ...] = (
    Row("dialer_engine_up", _G, "Told by the web beside an engine: 1 while the engine answers it."),
)
# Of a cell.
CELL: tuple[Row, ...] = (
    Row("dialer_campaign_info", _G, "Always 1; name, mode and status of a campaign.",
        ("campaign", "name", "mode", "status")),
    Row("dialer_campaign_ceiling_ratio", _G, "Most abandoned calls, as a share of live answers.",
        ("campaign",)),
    Row("dialer_originated_total", _C, "Numbers sent out to a trunk.", ("campaign", "trunk")),
    Row("dialer_attempts_total", _C, "Closed attempts by outcome; one per CDR.", ("campaign", "outcome")),
    Row("dialer_not_dialled_total", _C, "Leases that came back before the number went out.", ("campaign",)),
    Row("dialer_answered_live_total", _C, "Attempts that a person answered, counted at the answer.",
        ("campaign",)),
    Row("dialer_abandoned_total", _C, "Answered live, and nobody on the line in time.", ("campaign",)),
    Row("dialer_calls", _G, "Calls in flight by state.", ("state",)),
    Row("dialer_operators", _G, "Operators known to this cell by state.", ("state",)),
    Row("dialer_operator_state_seconds_total", _C, "Time of an operator in a state, added every few seconds.",
        ("operator", "state")),
    Row("dialer_operator_since_seconds", _G, "When an operator came into his state, in seconds since 1970.",
        ("operator", "state")),
    Row("dialer_operator_calls_total", _C, "Persons with whom an operator was bridged.", ("operator",)),
    Row("dialer_operator_air_seconds_total", _C,
        "Time that an operator was bridged with persons, added as each bridged span ends.", ("operator",)),
    Row("dialer_operator_call_seconds", _H, "Time that an operator was bridged with one person.",
        ("operator",), TALK_S),
    Row("dialer_answer_to_bridge_seconds", _H, "From the person's answer to an operator on the line.",
        ("campaign",), FAST_S),
    Row("dialer_setup_seconds", _H, "From the request to the first 180 or 183.", ("trunk",), SETUP_S),
    Row("dialer_ring_seconds", _H, "From the first 180 or 183 to the answer, or to the end of the ringing.",
        ("campaign", "answered"), RING_S),
    Row("dialer_talk_seconds", _H, "Length of a talk, all its spans together.", ("campaign",), TALK_S),
    Row("dialer_air_seconds_total", _C, "Time bridged with persons, added as each bridged span ends.",
        ("campaign",)),
    Row("dialer_operator_talk_seconds_total", _C, "Time of operators in the state talking, holds included.",
        ("campaign",)),
    Row("dialer_line_seconds_total", _C, "Time that attempts held a line, from the request to the end.",
        ("campaign", "trunk")),
    Row("dialer_trunk_ends_total", _C,
        "Attempts that ended, answered or not, with the cause (Q.850, 0: none).",
        ("trunk", "answered", "cause")),
    Row("dialer_unknown_callers_total", _C,
        "Callers whom nobody called, by what became of them: message, busy or reject.", ("trunk", "done")),
    Row("dialer_joins_apart_total", _C,
        "Answered calls in which person and operator were joined and could not hear each other.", ("trunk",)),
    Row("dialer_leads", _G, "Leads of a campaign by status, as last counted.", ("campaign", "status")),
    Row("dialer_leads_at_hand", _G, "Leads of a running campaign that are due and leased ahead of need.",
        ("campaign",)),
    Row("dialer_leads_callable", _G, "Leads of a running campaign that can be called now, at hand or not.",
        ("campaign",)),
    Row("dialer_dials_per_hour", _G, "Pace of a running campaign in this cell, over the last half hour.",
        ("campaign",)),
    Row("dialer_ready_operators", _G, "Operators of a running campaign who could take a call now.",
        ("campaign",)),
    Row("dialer_decisions_total", _C, "Decisions of the pacer by what they did: dial, give_up, both or wait.",
        ("did",)),
    Row("dialer_decision_limits_total", _C,
        "Decisions by what kept the campaign from more: operators, risk, leads, lines, cap or off.",
        ("campaign", "limit")),
    Row("dialer_refused_total", _C, "Leads decided on that a gate kept from being dialled.",
        ("campaign", "gate")),
    Row("dialer_decided_dial_total", _C, "Leads that the pacer decided to dial.", ("campaign",)),
    Row("dialer_decided_give_up_total", _C, "Ringing calls that the pacer decided to give up."),
    Row("dialer_decision_seconds", _H, "CPU time of one decision.", (), DECIDE_S),
    Row("dialer_forecast_horizon_seconds", _G, "How far the last forecast looked.", ("campaign",)),
    Row("dialer_forecast_answers", _G, "Answers expected within the horizon.", ("campaign",)),
    Row("dialer_forecast_free_operators", _G,
        "Operators free now, or expected to come free within the horizon.", ("campaign",)),
    Row("dialer_pacing_risk", _G, "Chance that one line more would find nobody, as last decided.",
        ("campaign",)),
    Row("dialer_pacing_price", _G, "The risk that one line more may have.", ("campaign",)),
    Row("dialer_abandon_budget_calls", _G, "Calls that may still be abandoned, at the share aimed at.",
        ("campaign",)),
    Row("dialer_forecasts_checked_total", _C,
        "Forecasts whose horizon is over: the next one that is checked begins then.", ("campaign",)),
    Row("dialer_forecast_answers_expected_total", _C, "Answers that these expected.", ("campaign",)),
    Row("dialer_forecast_answers_seen_total", _C,
        "Answers that came in time, of the lines that were on their way at the forecast.", ("campaign",)),
    Row("dialer_forecast_answers_off_total", _C, "Answers that each forecast was off by, added up.",
        ("campaign",)),
    Row("dialer_forecast_free_expected_total", _C,
        "Operators, busy or away at these forecasts, who were expected to come free.", ("campaign",)),
    Row("dialer_forecast_free_seen_total", _C, "Those of them who came free in time.", ("campaign",)),
    Row("dialer_forecast_free_off_total", _C, "Operators that each forecast was off by, added up.",
        ("campaign",)),
    Row("dialer_link_up", _G, "1 while Asterisk is connected to this cell, else 0."),
    Row("dialer_link_changes_total", _C, "How often the link to Asterisk came up or went down.", ("to",)),
    Row("dialer_event_lag_seconds", _H,
        "From an event to its receipt; what Asterisk's clock and ours differ by is left out.", (), LAG_S),
    Row("dialer_braked", _G, "1 while the campaign's brake is on: too many were abandoned.", ("campaign",)),
    Row("dialer_loop_lag_seconds", _H, "How late the loop of calls turns, looked at ten times a second.", (),
        LAG_S),
    Row("dialer_busy_seconds_total", _C, "Time that nothing was dialled because the machine was too busy."),
    Row("dialer_clock_skew_seconds", _G, "Asterisk's clock less ours, as far as it is certain."),
    Row("dialer_requests_failed_total", _C, "Requests to Asterisk that failed, by error id.",
        ("why",)),
    Row("dialer_queue_depth", _G, "Things waiting in a queue of this process, now.", ("queue",)),
    Row("dialer_held", _G, "1 while this keeps the whole cell from dialing, else 0.", ("reason",)),
    Row("dialer_live_recounts_total", _C,
        "Times that live state was shown and counted anew, because Redis had been away or was emptied."),
    Row("dialer_leads_held_back", _G, "Leads that wait for a person because the journal was damaged."),
    Row("dialer_set_aside", _G,
        "1 while a trunk, a phone or a row of settings is set aside because something is wrong with it.",
        ("name",)),
    Row("dialer_refused_facts", _G, "Records that the database refuses, kept on disk until it takes them."),
    Row("dialer_mistakes_total", _C,
        "Mistakes of this program that were kept from the rest, by the part that made them.", ("part",)),
    Row("dialer_disk_free_bytes", _G, "Room left on the disk of a folder.", ("folder",)),
    Row("dialer_disk_size_bytes", _G, "Size of the disk of a folder.", ("folder",)),
    Row("dialer_trunk_registered", _G, "1 while registered at the trunk's carrier, else 0.", ("trunk",)),
    Row("dialer_trunk_used_seconds", _G, "Answered time of the trunk's calls since midnight.", ("trunk",)),
    Row("dialer_trunk_ceiling_used_ratio", _G,
        "Share of the trunk's ceiling for the day that is used; from 1 on no new call goes out.",
        ("trunk",)),
    Row("dialer_trunk_reachable", _G, "1 while the trunk answers Asterisk's probes, else 0.", ("trunk",)),
    Row("dialer_trunk_refused", _G, "1 while the trunk rests: its carrier refuses our calls.", ("trunk",)),
)  # fmt: skip
TABLE = (*COMMON, *STANDARD, *VIEW, *CELL)
