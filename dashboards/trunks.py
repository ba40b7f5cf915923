"""Trunks and carriers: seizure, answers, delay, causes."""

from __future__ import annotations

from dashboards.board import Board, Column, Kind, Look, Panel, Query, Row, Unit
from dashboards.terms import BY_CELL, BY_TRUNK, CELL, TRUNK, YES_NO, quantile, rising
from dialer.domain.said import said

ITS = f"{CELL}, {TRUNK}"
NETWORK = "2|3|27|34|38|41|42|44|47|111|127|silence"  # as ObzvonTrunkFailing has it
CAUSES = {
    "0": Look(said("0: none told")),
    "1": Look(said("1: no such number")),
    "3": Look(said("3: no route")),
    "16": Look(said("16: ended in order")),
    "17": Look(said("17: busy")),
    "18": Look(said("18: no reply of the phone")),
    "19": Look(said("19: nobody answered")),
    "20": Look(said("20: switched off or out of reach")),
    "21": Look(said("21: rejected")),
    "27": Look(said("27: out of order")),
    "28": Look(said("28: number incomplete")),
    "31": Look(said("31: ended, no reason told")),
    "34": Look(said("34: no line free")),
    "38": Look(said("38: network out of order")),
    "41": Look(said("41: failure that will pass")),
    "42": Look(said("42: switch overloaded")),
    "44": Look(said("44: line not available")),
    "127": Look(said("127: interworking")),
    "refused": Look(said("refused: the carrier will not take our calls")),
    "silence": Look(said("silence: the network said nothing")),
}


def ended(window: str, extra: str = "") -> str:
    """Attempts that ended, by trunk."""
    return f"sum by (trunk) (increase(dialer_trunk_ends_total{{{ITS}{extra}}}[{window}]))"


FROM_NETWORK = f', answered="no", cause=~"{NETWORK}"'
FAILED = f"({ended('15m', FROM_NETWORK)} or {ended('15m')} * 0)"
STATE = (
    Panel(
        Kind.STAT,
        said("The carrier answers"),
        said("Whether the trunk answers Asterisk's probes. No: docs/runbooks/trunk-unreachable.md."),
        [Query(f"min by (trunk) (dialer_trunk_reachable{{{ITS}}})", "{{trunk}}")],
        width=6,
        height=5,
        values=YES_NO,
    ),
    Panel(
        Kind.STAT,
        said("Registered at the carrier"),
        said("For trunks that register. No: wrong password or address: docs/runbooks/trunk-unreachable.md."),
        [Query(f"min by (trunk) (dialer_trunk_registered{{{ITS}}})", "{{trunk}}")],
        width=6,
        height=5,
        values=YES_NO,
    ),
    Panel(
        Kind.STAT,
        said("Numbers sent out, 24 h"),
        said("Seizures: requests that went to the carrier, by trunk."),
        [Query(f"sum by (trunk) (increase(dialer_originated_total{{{ITS}}}[24h]))", "{{trunk}}")],
        width=6,
        height=5,
        decimals=0,
    ),
    Panel(
        Kind.STAT,
        said("Failed in the network, 15 min"),
        said(
            "Attempts that the network ended, not the person called: no line, no route, refused. Over 30 %:"
            " docs/runbooks/trunk-failing.md."
        ),
        [Query(f"{FAILED} / ({ended('15m')} > 0)", "{{trunk}}")],
        unit=Unit.SHARE,
        width=6,
        height=5,
        decimals=1,
        most=1,
        steps=rising(0.1, 0.3),
    ),
)
WORK = (
    Panel(
        Kind.LINES,
        said("Numbers sent out a second"),
        said("Against the calls per second that the carrier allows; a flat top is the trunk's own limit."),
        [Query(f"sum by (trunk) (rate(dialer_originated_total{{{ITS}}}[$__rate_interval]))", "{{trunk}}")],
        unit=Unit.PER_SECOND,
        width=8,
    ),
    Panel(
        Kind.LINES,
        said("Lines held"),
        said("Mean number of lines that attempts hold (erlang), counted as they end."),
        [Query(f"sum by (trunk) (rate(dialer_line_seconds_total{{{ITS}}}[$__rate_interval]))", "{{trunk}}")],
        width=8,
    ),
    Panel(
        Kind.LINES,
        said("Answered of those sent out"),
        said(
            "Answer-seizure ratio over a quarter of an hour, and over a day beside it. Half of the day's:"
            " docs/runbooks/trunk-answers-few.md."
        ),
        [
            Query(
                f"avg by (trunk) (trunk:dialer_answer_seizure:ratio15m{{{ITS}}})", said("{{trunk}}: 15 min")
            ),
            Query(f"avg by (trunk) (trunk:dialer_answer_seizure:ratio24h{{{ITS}}})", said("{{trunk}}: 24 h")),
        ],
        unit=Unit.SHARE,
        width=8,
        most=1,
    ),
)
QUALITY = (
    Panel(
        Kind.LINES,
        said("From the request to the first ringing"),
        said(
            "Post-dial delay, median and the slowest twentieth. Over 5 s people are lost before it rings: ask"
            " the carrier about the route."
        ),
        [
            Query(
                quantile(0.5, f"dialer_setup_seconds_bucket{{{ITS}}}", "trunk", window="5m"),
                said("{{trunk}}: median"),
            ),
            Query(
                quantile(0.95, f"dialer_setup_seconds_bucket{{{ITS}}}", "trunk", window="5m"),
                said("{{trunk}}: p95"),
            ),
        ],
        unit=Unit.SECONDS,
        width=12,
        height=10,
        steps=rising(3, 5),
    ),
    Panel(
        Kind.TABLE,
        said("How attempts ended"),
        said(
            "Causes (Q.850) in the chosen time. 34, 38, 42: the carrier has no room or is broken; 21:"
            " people decline; much of 1: a stale list."
        ),
        [
            Query(
                "sort_desc(sum by (trunk, answered, cause) (increase(dialer_trunk_ends_total"
                f"{{{ITS}}}[$__range])) > 0)"
            )
        ],
        width=12,
        height=10,
        columns=(
            Column("trunk", said("Trunk")),
            Column("answered", said("Answered"), looks={"yes": Look(said("yes")), "no": Look(said("no"))}),
            Column("cause", said("Cause"), looks=CAUSES),
            Column("#0", said("Attempts"), decimals=0),
        ),
    ),
)
BOARD = Board(
    "trunks",
    said("Obzvon: trunks and carriers"),
    said("Whether carriers answer, how many calls they take, how many are answered, and how the others end."),
    (BY_CELL, BY_TRUNK),
    (
        Row(said("Now"), STATE),
        Row(said("How much"), WORK),
        Row(said("How well"), QUALITY),
    ),
    refresh="30s",
)
