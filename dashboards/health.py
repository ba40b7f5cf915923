"""The service's own health: link, lag, journal, queues, CPU, API, process."""

from __future__ import annotations

from dashboards.board import Board, Colour, Column, Kind, Look, Panel, Query, Row, Step, Unit
from dashboards.terms import BY_CELL, CELL, YES_NO, falling, quantile, rising
from dialer.domain.said import said

PART = f'job="obzvon", {CELL}'
PART_NAME = "{{cell}}/{{part}}"  # one target has two processes: `all` is its engine, `web` its web
QUEUES = {
    "journal": Look(said("journal (facts for the database)"), Colour.RED),
    "errands": Look(said("errands"), Colour.BLUE),
    "link": Look(said("requests to Asterisk under way"), Colour.GREEN),
    "recordings": Look(said("recordings to convert"), Colour.PURPLE),
}
TROUBLE = {
    "refused": Look(said("refused")),
    "timed-out": Look(said("no answer in time")),
    "link-down": Look(said("link down")),
}
STATE = (
    Panel(
        Kind.STAT,
        said("Parts that answer"),
        said("Every process that Prometheus asks. No: docs/runbooks/part-down.md."),
        [Query(f"up{{{PART}}}", "{{instance}}")],
        width=5,
        height=5,
        values=YES_NO,
    ),
    Panel(
        Kind.STAT,
        said("Asterisk is connected"),
        said("No: nothing new is dialled until it is back: docs/runbooks/link-down.md."),
        [Query(f"min by (cell) (dialer_link_up{{{CELL}}})", "{{cell}}")],
        width=5,
        height=5,
        values=YES_NO,
    ),
    Panel(
        Kind.STAT,
        said("Alerts now"),
        said(
            "Alerts of Obzvon that stand; Alertmanager has their sentences, docs/runbooks/ a page for each."
        ),
        [Query('count(ALERTS{alertname=~"Obzvon.+", alertstate="firing"}) or vector(0)')],
        width=4,
        height=5,
        decimals=0,
        steps=(Step(None, Colour.GREEN), Step(1, Colour.RED)),
    ),
    Panel(
        Kind.TABLE,
        said("Versions"),
        said(
            "What runs, and since when. A short time that nobody asked for is a restart: look into the log."
        ),
        [
            Query(f"max by (cell, part, version) (dialer_build_info{{{CELL}}})"),
            Query(f"max by (cell, part) (time() - dialer_started_seconds{{{CELL}}})"),
        ],
        width=10,
        height=5,
        columns=(
            Column("part", said("Part")),
            Column("version", said("Version")),
            Column("#1", said("Runs for"), Unit.CLOCK, 0),
        ),
    ),
)
LAG = "dialer_event_lag_seconds_bucket"
LINK = (
    Panel(
        Kind.LINES,
        said("Events of Asterisk come late by"),
        said(
            "Median, p95 and p99. Some milliseconds are well; over 0.1 s the machine is too busy or clocks"
            " differ: docs/runbooks/events-late.md."
        ),
        [
            Query(quantile(0.5, f"{LAG}{{{CELL}}}"), said("median")),
            Query(quantile(0.95, f"{LAG}{{{CELL}}}"), "p95"),
            Query(quantile(0.99, f"{LAG}{{{CELL}}}"), "p99"),
        ],
        unit=Unit.SECONDS,
        width=8,
        steps=rising(0.05, 0.1),
    ),
    Panel(
        Kind.LINES,
        said("Queues"),
        said(
            "What waits in the service. A journal that stays high: the database does not take what it is"
            " given; nothing is lost: docs/runbooks/journal-stuck.md."
        ),
        [Query(f"sum by (queue) (dialer_queue_depth{{{CELL}}})", "{{queue}}")],
        width=8,
        decimals=0,
        looks=QUEUES,
    ),
    Panel(
        Kind.LINES,
        said("Requests to Asterisk that failed"),
        said("Refused, unanswered, or made while it was away. A few refused ones are calls that just ended."),
        [Query(f"sum by (why) (rate(dialer_requests_failed_total{{{CELL}}}[$__rate_interval]))", "{{why}}")],
        unit=Unit.REQUESTS,
        width=4,
        looks=TROUBLE,
    ),
    Panel(
        Kind.LINES,
        said("Links lost"),
        said("How often Asterisk went away in the hour before each moment: docs/runbooks/link-down.md."),
        [Query(f'sum by (cell) (increase(dialer_link_changes_total{{{CELL}, to="down"}}[1h]))', "{{cell}}")],
        width=4,
        decimals=0,
        steps=(Step(None, Colour.GREEN), Step(0.5, Colour.RED)),
    ),
)
WORK = (
    Panel(
        Kind.LINES,
        said("CPU of a decision"),
        said("Median and p99 of the pacer. Over 25 ms a hundred times a second would be a busy core."),
        [
            Query(quantile(0.5, f"dialer_decision_seconds_bucket{{{CELL}}}"), said("median")),
            Query(quantile(0.99, f"dialer_decision_seconds_bucket{{{CELL}}}"), "p99"),
        ],
        unit=Unit.SECONDS,
        width=8,
    ),
    Panel(
        Kind.LINES,
        said("CPU of the process, and of it the pacer"),
        said("100 % is one core, all that one process can use. Over 70 %: another cell, or fewer calls."),
        [
            Query(
                f"sum by (cell, part) (rate(process_cpu_seconds_total{{{PART}}}[$__rate_interval]))",
                PART_NAME,
            ),
            Query(f"sum(rate(dialer_decision_seconds_sum{{{CELL}}}[$__rate_interval]))", said("pacer")),
        ],
        unit=Unit.SHARE,
        width=8,
        steps=rising(0.7, 0.9),
    ),
    Panel(
        Kind.LINES,
        said("Memory"),
        said(
            "Resident memory of each part. It rises at the start and then stays; hours of rising is a fault."
        ),
        [Query(f"sum by (cell, part) (process_resident_memory_bytes{{{PART}}})", PART_NAME)],
        unit=Unit.BYTES,
        width=8,
    ),
    Panel(
        Kind.LINES,
        said("Answers of the API"),
        said("By kind of status. 5xx is our fault and in the log; 4xx is what was asked wrongly."),
        [
            Query(
                f"sum by (status) (rate(dialer_api_seconds_count{{{CELL}}}[$__rate_interval]))", "{{status}}"
            )
        ],
        unit=Unit.REQUESTS,
        width=8,
        looks={
            "5xx": Look(None, Colour.RED),
            "4xx": Look(None, Colour.ORANGE),
            "2xx": Look(None, Colour.GREEN),
        },
        stacked=True,
    ),
    Panel(
        Kind.LINES,
        said("Time of an answer of the API"),
        said("Median and p95. Slow answers while the CPU is idle: the database."),
        [
            Query(quantile(0.5, f"dialer_api_seconds_bucket{{{CELL}}}", window="5m"), said("median")),
            Query(quantile(0.95, f"dialer_api_seconds_bucket{{{CELL}}}", window="5m"), "p95"),
        ],
        unit=Unit.SECONDS,
        width=8,
    ),
    Panel(
        Kind.LINES,
        said("Room on the disks"),
        said("Of the data folder and of recordings. A full disk stops dialing: docs/runbooks/disk.md."),
        [
            Query(
                f"min by (cell, folder) (dialer_disk_free_bytes{{{CELL}}} / dialer_disk_size_bytes)",
                "{{cell}}: {{folder}}",
            )
        ],
        unit=Unit.SHARE,
        width=8,
        most=1,
        steps=falling(0.05, 0.15),
    ),
)
BOARD = Board(
    "health",
    said("Obzvon: the service's health"),
    said("The link to Asterisk, what waits, how much CPU and memory it takes, how the API answers."),
    (BY_CELL,),
    (
        Row(said("Now"), STATE),
        Row(said("Link and queues"), LINK),
        Row(said("CPU, memory, API, disks"), WORK),
    ),
    refresh="30s",
)
