"""`python -m bench.floor 20_25_45 --for 1800`: a scenario on the real Asterisk and in the simulator."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.floor.cast import cast
from bench.floor.figures import Seen, rehearsed
from bench.floor.gap import added
from bench.floor.real import on_asterisk
from bench.floor.table import Result, as_values, show
from dialer.cli.log import configure
from dialer.domain.errors import ObzvonError
from dialer.domain.types import Mode
from dialer.rehearsal import rehearse_whole
from dialer.sim.scenario import AUTOMATIC, HOUR_S, Scenario, named
from dialer.sim.scenariofile import read


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.floor", description=__doc__)
    parser.add_argument("scenario", help="operators_answer%%_talk-seconds, or a scenario file")
    parser.add_argument("--for", dest="for_s", type=float, default=1800.0, metavar="S", help="of dialing")
    parser.add_argument("--mode", choices=[mode.value for mode in AUTOMATIC], default=Mode.PREDICTIVE.value)
    parser.add_argument("--seed", type=int, default=1, help="of the people whom the lab's carrier plays")
    parser.add_argument("--days", type=int, default=12, metavar="N", help="simulated, of following seeds")
    parser.add_argument("--no-breaks", action="store_true", help="nobody rests, on either side")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON; - for stdout")
    return parser.parse_args()


def scenario_of(asked: argparse.Namespace) -> Scenario:
    """As asked for, as long as asked for."""
    path = Path(asked.scenario)
    scenario = read(path) if path.suffix == ".toml" else named(asked.scenario)
    return replace(
        scenario,
        hours=asked.for_s / HOUR_S,
        dialing=replace(scenario.dialing, mode=Mode(asked.mode)),
        breaks=None if asked.no_breaks else scenario.breaks,
    )


def simulated(scenario: Scenario, seeds: range, console: Console) -> list[Seen]:
    """The same engine in virtual time; the first seed has the lab's own people."""
    days = []
    for seed in seeds:
        whole = rehearse_whole(scenario, seed)
        for words in whole.day.broken:
            console.print(f"the simulator broke a promise: {words}", highlight=False)
        days.append(rehearsed(scenario, whole))
    return days


def main() -> int:
    asked = arguments()
    configure()
    console = Console(stderr=str(asked.json) == "-")
    try:
        scenario = scenario_of(asked)
        people = cast(scenario, asked.seed)
        real = asyncio.run(
            on_asterisk(scenario, people, asked.seed, lambda words: console.print(words, highlight=False))
        )
        days = simulated(scenario, range(asked.seed, asked.seed + asked.days), console)
    except KeyboardInterrupt:
        return 130
    except ObzvonError as failure:
        console.print(f"bench.floor: {failure}", highlight=False)
        return 1
    ring_s = scenario.dialing.ring_s
    gaps = [added(side, people, ring_s) for side in (real.seen, days[0])]
    result = Result(scenario, real, days, *gaps)
    show(result, console)
    text = json.dumps(as_values(result), indent=2)
    if str(asked.json) == "-":
        print(text)
    elif asked.json is not None:
        asked.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
