"""`dialer simulate`: whole days of the engine in virtual time, against people who are only drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from dialer.cli.screen import AsJson, aside, complain, print_json, print_table, tell
from dialer.domain.errors import BadValue
from dialer.domain.said import Said, said, word
from dialer.domain.types import Mode, Outcome
from dialer.rehearsal import Progress as Tick
from dialer.rehearsal import rehearse
from dialer.settings import spoken_language
from dialer.sim import summary
from dialer.sim.chart import page
from dialer.sim.day import Day
from dialer.sim.scenario import AUTOMATIC, Scenario, named
from dialer.sim.scenariofile import read

Name = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A file, or operators_answer%_talk-seconds: 10_25_150.")
]


def simulate(
    scenario: Name,
    *,
    mode: Annotated[Mode | None, typer.Option(help="progressive, power or predictive.")] = None,
    ratio: Annotated[
        float | None, typer.Option(help="Power: lines per free operator.", min=1, max=10)
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="Share of live answers that may be abandoned.", min=0, max=1)
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Length of the day.", min=0.1, max=24)] = None,
    seed: Annotated[int | None, typer.Option(help="Of the first day.", min=0, show_default=False)] = None,
    seeds: Annotated[int, typer.Option(help="Days, each with the next seed.", min=1, max=1000)] = 1,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the days into this page.", show_default=False)
    ] = None,
) -> None:
    """Run the engine through pretend days: what would come of these operators, people and settings."""
    world = changed(load(scenario), mode=mode, ratio=ratio, target=target, hours=hours)
    first = world.seed if seed is None else seed
    if html is not None:
        find_room(html)
    days = []
    with progress(seeds) as tick:
        for number in range(seeds):
            days.append(rehearse(world, first + number, tick(number)))
    if html is not None:
        save(html, page(world, days, tell, spoken_language()))
    if as_json:
        print_json(summary.as_values(days))
    else:
        show(days)
    if broken := [(day.seed, sentence) for day in days for sentence in day.broken]:
        for day_seed, sentence in broken:
            complain(said("seed {seed}, a promise was broken: {what}", seed=day_seed, what=sentence))
        raise typer.Exit(1)
    if not any(day.attempts for day in days):
        complain(said("nothing was dialled: {why}", why=days[-1].pacing))
        raise typer.Exit(1)


def load(name: str) -> Scenario:
    """A file if there is one of this name, or it looks like one; else a named world."""
    path = Path(name)
    return read(path) if path.suffix == ".toml" or path.exists() else named(name)


def changed(
    world: Scenario, *, mode: Mode | None, ratio: float | None, target: float | None, hours: float | None
) -> Scenario:
    """What the command line says beats the file."""
    if mode is not None and mode not in AUTOMATIC:
        raise BadValue(
            said("in {mode} mode operators dial themselves: there is nothing to simulate", mode=word(mode))
        )
    dialing = replace(
        world.dialing,
        mode=mode or world.dialing.mode,
        ratio=world.dialing.ratio if ratio is None else ratio,
        target=world.dialing.target if target is None else target,
    )
    return replace(world, dialing=dialing, hours=hours or world.hours)


@contextmanager
def progress(days: int) -> Iterator[Callable[[int], Tick]]:
    """A bar on stderr, when somebody watches; gives the ticks of each day."""
    console = aside()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(tell(said("simulating")), total=days)

        def tick(day: int) -> Tick:
            return lambda share: bar.update(task, completed=day + share)

        yield tick


def find_room(path: Path) -> None:
    """Raises BadValue where nothing can be written: before the work, not after it."""
    is_new = not path.exists()
    with _written(path):
        path.open("ab").close()
    if is_new:
        path.unlink()


def save(path: Path, text: str) -> None:
    """Raises BadValue when it cannot be written."""
    with _written(path):
        path.write_text(text, encoding="utf-8")
    aside().print(tell(said("the picture is in {path}", path=path)))


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        why = said("{path} cannot be written: {reason}", path=path, reason=failure.strerror or "")
        raise BadValue(why) from failure


def show(days: list[Day]) -> None:
    """The table: one day, or the mean and the worst of several."""
    several = len(days) > 1
    heads = ("", said("mean"), said("worst day")) if several else ("", said("the day"))
    rows = [
        (row.title, written(row.form, summary.mean(row, days)), written(row.form, summary.worst(row, days)))
        for row in summary.rows_of(days)
    ]
    rows += [
        (said("ended: {outcome}", outcome=word(Outcome(name))), written("{value:,.0f}", count), "")
        for name, count in summary.outcomes(days).items()
    ]
    print_table(heads, [row if several else row[:2] for row in rows])


def written(form: str, value: float | None) -> str:
    return "" if value is None else Said(form, {"value": value})
