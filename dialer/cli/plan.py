"""`dialer plan`: how long, how busy, how many abandoned; and what more operators or another mode change."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn

from dialer.adapters.clock import utc_now
from dialer.adapters.fitting import PAGE
from dialer.cli.campaign import find_campaign
from dialer.cli.knobs import Knob, Read, ceiling, number, span, whole, with_knobs
from dialer.cli.screen import AsJson, aside, print_json, print_table, remark, say, tell
from dialer.cli.simulate import find_room, save
from dialer.cli.stores import OWNER, with_database
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue
from dialer.domain.law import HIGHEST_RATIO
from dialer.domain.said import Said, said
from dialer.domain.types import LeadStatus
from dialer.office import leads, records
from dialer.ports.stores import CdrQuery, Stores
from dialer.settings import Settings, spoken_language
from dialer.sim.advice import advice
from dialer.sim.floor import Tally
from dialer.sim.history import ENOUGH, Figures, History
from dialer.sim.plan import Outcome, Question, Work, answer, fresh, observe, variants
from dialer.sim.planchart import plan_page
from dialer.sim.plantable import HEADS, as_values, row, title
from dialer.sim.wear import Entry

SPANS = (timedelta(days=2), timedelta(days=7), timedelta(days=30))  # the shortest with enough records
LIKE_NEW = 1000  # new leads that are looked at; all others are like them
RUNS = 4


def between(read: Read, least: float, most: float, form: str = "{value:g}") -> Read:
    """The reader with bounds."""

    def bounded(text: str) -> Any:
        value = read(text)
        if not least <= value <= most:
            bounds = {"least": Said(form, {"value": least}), "most": Said(form, {"value": most})}
            raise ValueError(said("is not from {least} to {most}", **bounds))
        return value

    return bounded


def percent(text: str) -> float:
    """`22`, `22.5%`: as a share."""
    try:
        return round(number(text.strip().removesuffix("%").rstrip()) / 100, 8)
    except ValueError:
        raise ValueError(said("is not a percentage, such as 3 or 2.5%")) from None


WHOLE_PERCENT = "{value:.0%}"
KNOBS = (
    Knob("campaign", "NAME", "From this campaign's own records, list, team and settings."),
    Knob("operators", "N", "How many work, 1 to 500.", between(whole, 1, 500)),
    Knob("leads", "N", "How many are to be called.", between(whole, 1, 10_000_000, "{value:,}")),
    Knob("answer", "PERCENT", "Of dials, that a person answers: 22.",
         between(percent, 0.03, 0.85, WHOLE_PERCENT)),
    Knob("talk_s", "TIME", "A talk, on average: 140, 3m.", between(span, 10, 3600), "talk"),
    Knob("wrap_up_s", "TIME", "The wrap-up, on average; 12 if not said.", between(span, 0, 1800), "wrap-up"),
    Knob("ceiling", "PERCENT", "Predictive: most abandoned calls; 3 if not said.", ceiling),
    Knob("ratio", "N", "Power: lines per free operator; 2 if not said.", between(number, 1, HIGHEST_RATIO)),
    Knob("day_h", "N", "Working hours of a day; 8 if not said.", between(number, 0.5, 24), "hours"),
    Knob("more_operators", "N", "What if there were so many more; 2 if not said, 0: no question.",
         between(whole, 0, 500)),
    Knob("more_ceiling", "PERCENT", "What if so much more were allowed; 2 if not said, 0: no question.",
         between(percent, 0, 0.05, WHOLE_PERCENT)),
    Knob("runs", "N", f"Simulated runs of each variant, 2 to 100; {RUNS} if not said.",
         between(whole, 2, 100)),
)  # fmt: skip
NEEDED = ("operators", "leads", "answer", "talk_s")


@with_knobs(KNOBS)
def plan(
    *,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the plan into this page.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    given: Mapping[str, Any],
) -> None:
    """Say what a team will make of a list, in every mode; from given figures or a campaign's records."""
    asked = from_campaign(given) if "campaign" in given else from_figures(given)
    if html is not None:
        find_room(html)
    found = simulated(asked, given.get("runs", RUNS))
    if html is not None:
        save(html, plan_page(asked, found, tell, spoken_language()))
    if as_json:
        print_json(as_values(asked, found, tell))
        return
    say(title(asked))
    print_table(HEADS, [row(one) for one in found])
    for sentence in advice(asked, found):
        say(sentence)


# --- the question -----------------------------------------------------------------------------------------


def from_figures(given: Mapping[str, Any]) -> Question:
    """All four figures, or a sentence that names what is missing."""
    if missing := [knob.flag for knob in KNOBS if knob.field in NEEDED and knob.field not in given]:
        flags = ", ".join(missing)
        raise BadValue(said("say {flags} too, or --campaign NAME to take them from its records", flags=flags))
    asked = Question(given["operators"], fresh(given["leads"]), (given["answer"],), given["talk_s"])
    return settled(asked, given)


def from_campaign(given: Mapping[str, Any]) -> Question:
    """What the command line says beats the records."""

    async def work(settings: Settings, stores: Stores) -> Question:
        campaign = await find_campaign(stores, given["campaign"])
        figures = None if {"answer", "talk_s"} <= given.keys() else await _figures(stores, campaign)
        entries = fresh(given["leads"]) if "leads" in given else await _entries(stores, campaign)
        operators = given.get("operators") or len(campaign.operators)
        if not operators:
            raise BadValue(said("campaign {name!r} has no operators: say --operators", name=campaign.name))
        if not entries:
            raise BadValue(said("campaign {name!r} has nobody left to call: say --leads", name=campaign.name))
        return settled(_question(campaign, operators, entries, figures, given), given)

    return with_database(work)


def _question(
    campaign: Campaign,
    operators: int,
    entries: Sequence[Entry],
    seen: Figures | None,
    given: Mapping[str, Any],
) -> Question:
    ratio = campaign.ratio if campaign.ratio > 1 else 2.0  # one line each would be progressive once more
    asked = Question(operators, entries, (given.get("answer", 0.0),), given.get("talk_s", 0.0),
                     campaign=replace(campaign, ratio=ratio))  # fmt: skip
    if seen is None:
        return asked
    remark(_told(campaign, seen))
    return replace(
        asked,
        answers=(given["answer"],) if "answer" in given else seen.answers,
        talk_s=given.get("talk_s", max(1.0, seen.talk_s)),
        wrap_up_s=asked.wrap_up_s if seen.wrap_up_s is None else seen.wrap_up_s,
        busy=seen.busy,
        fails=seen.fails,
        setup_s=asked.setup_s if seen.setup_s is None else max(0.05, seen.setup_s),
        ringing=seen.ringing or asked.ringing,
    )


def _told(campaign: Campaign, seen: Figures) -> Said:
    return said(
        "{name}, by its last {dials} dials: {answer:.1%} of first attempts answered, {later:.1%} of the"
        " fourth and later, {attempts:.1f} attempts for a talk of {talk:.0f} s",
        name=campaign.name,
        dials=seen.dials,
        answer=seen.answers[0],
        later=seen.answers[-1],
        attempts=seen.attempts_per_contact,
        talk=seen.talk_s,
    )


def settled(asked: Question, given: Mapping[str, Any]) -> Question:
    """With everything else that the command line says."""
    changes = {name: given[name] for name in ("ceiling", "ratio") if name in given}
    campaign = replace(asked.campaign, **changes)
    names = ("wrap_up_s", "day_h", "more_operators", "more_ceiling")
    asked = replace(asked, campaign=campaign, **{name: given[name] for name in names if name in given})
    refused, room = asked.busy + asked.fails, 1 - max(asked.answers)
    if refused > room:  # where nearly everybody answers, few are busy
        asked = replace(asked, busy=asked.busy * room / refused, fails=asked.fails * room / refused)
    return asked


async def _figures(stores: Stores, campaign: Campaign) -> Figures:
    """From the shortest span that has enough records."""
    history = History()
    for long in SPANS:
        history = History()
        query = CdrQuery(campaign=campaign.id, since_at=utc_now() - long)
        async for page in records.pages(query, OWNER, stores):
            history.take(page)
        if sum(history.dials) >= 5 * ENOUGH:
            break
    return history.figures(campaign.name)


async def _entries(stores: Stores, campaign: Campaign) -> list[Entry]:
    """The leads that are left, as they stand; new ones are alike but for their numbers."""
    now = utc_now()
    found: list[Entry] = []
    for status in (LeadStatus.RETRY, LeadStatus.LEASED):
        after = 0
        while page := await leads.of_status(campaign.id, status, OWNER, stores, after=after, limit=PAGE):
            found += [Entry(one, max(0.0, (one.next_at - now).total_seconds()) if one.next_at else 0.0)
                      for one in page]  # fmt: skip
            after = page[-1].id
    new = await leads.of_status(campaign.id, LeadStatus.NEW, OWNER, stores, limit=LIKE_NEW)
    count = (await leads.count(campaign.id, OWNER, stores, now=now)).get(LeadStatus.NEW, 0)
    return [*found, *islice(cycle([Entry(one) for one in new]), count if new else 0)]


# --- the runs ---------------------------------------------------------------------------------------------


def simulated(asked: Question, runs: int) -> list[Outcome]:
    """On every core that there is, with a bar when somebody watches."""
    total = len(variants(asked)) * runs
    with progress(total) as tick:

        def over(works: Sequence[Work]) -> Iterable[Tally]:
            cores = min(len(os.sched_getaffinity(0)), total)
            pool = ProcessPoolExecutor(
                cores, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
            )
            try:
                for tally in pool.map(observe, works):
                    tick()
                    yield tally
            finally:  # after Ctrl-C only what is under way comes to its end
                pool.shutdown(cancel_futures=True)

        return answer(asked, runs, over)


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr; gives what moves it on by one run."""
    console = aside()
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(tell(said("simulating")), total=total)
        yield lambda: bar.update(task, advance=1)
