"""Every query of every board, asked of a real Prometheus that has watched the demo's world for a while."""

from __future__ import annotations

import asyncio
import math
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from dialer.demo.play import WORLD
from dialer.demo.service import Service
from dialer.demo.stage import set_stage
from dialer.domain.types import Mode
from dialer.lab.lab import Lab, Options
from dialer.lab.worldfile import read as read_world
from tests.pbx.grafana import SCRAPE_S, Answer, Viewer, boards
from tests.pbx.office import Office, office_of, rooms, settings_of
from tests.servers import Server, as_user, binary, free_port, owned, temporary

RUN_S = float(os.environ.get("BOARDS_FOR", "30"))
PAGE = os.environ.get("BOARDS_PAGE", "")  # where to write down what the boards showed
OPERATORS = 8
pytestmark = pytest.mark.timeout(RUN_S + 240)
RULES = Path(__file__).parents[2] / "docker/prometheus"
LONG_S = 10.0

# Queries that a demo in which all is well rightly answers with nothing.
SILENT: dict[str, str] = {}


# --- a Prometheus with the product's own configuration and rules, but quick -------------------------------


def configured(folder: Path, target: str, cell: str, port: int) -> Path:
    """Scrapes and evaluates each second; nobody is alerted."""
    (folder / "rules").mkdir()
    for rules in (RULES / "rules").glob("*.yml"):
        text = re.sub(r"interval: \w+", f"interval: {SCRAPE_S}s", rules.read_text("utf-8"))
        (folder / "rules" / rules.name).write_text(text, encoding="utf-8")
    text = (RULES / "prometheus.yml").read_text("utf-8")
    text = re.sub(r"(scrape|evaluation)_interval: \w+", rf"\1_interval: {SCRAPE_S}s", text)
    text = re.sub(r"alerting:\n(?: .*\n)+", "", text)
    (folder / "targets").mkdir()
    one = (RULES / "targets" / "one.yml").read_text("utf-8")
    assert "127.0.0.1:8080" in one
    one = one.replace("127.0.0.1:8080", target).replace("cell: main", f"cell: {cell}")
    (folder / "targets" / "obzvon.yml").write_text(one, encoding="utf-8")
    path = folder / "prometheus.yml"
    path.write_text(text.replace("127.0.0.1:9090", f"127.0.0.1:{port}"), encoding="utf-8")
    return path


@asynccontextmanager
async def prometheus(target: str, cell: str) -> AsyncIterator[str]:
    """Its address."""
    with temporary("obz-prometheus-") as folder:
        port = free_port()
        config = configured(folder, target, cell, port)
        flags = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]  # fmt: skip
        command = [*as_user("nobody"), binary("prometheus"), *flags]
        server = Server(command, port, owned(folder, "nobody"))
        await asyncio.to_thread(server.start)
        try:
            await ready(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            await asyncio.to_thread(server.stop)


async def ready(url: str) -> None:
    """It listens before it answers."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as http:
        while True:
            async with http.get(f"{url}/-/ready") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


# --- the day ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Day:
    """What boards showed in the middle of the work, with a value chosen of each variable, and after it."""

    during: Sequence[Answer]
    chosen: Sequence[Answer]
    choices: dict[str, list[tuple[str, str]]]
    after: Sequence[Answer]
    span_s: float
    database: Path

    def shown(self, board: str, panel: str, letter: str = "A") -> float:
        """The sum of what a panel showed after the work."""
        found = [one for one in self.after if (one.board, one.panel, one.letter) == (board, panel, letter)]
        assert len(found) == 1, (board, panel, letter)
        return found[0].total


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def day() -> AsyncIterator[Day]:
    """The demo's world and stage, a predictive campaign, a break of the whole team, then all go home."""
    options = Options(plan=read_world(WORLD), phones=OPERATORS, is_heard=False)
    async with Lab.start(options) as lab, aiohttp.ClientSession() as http:
        variables = rooms(lab)
        settings = settings_of(variables)
        stage = await set_stage(lab, settings, Mode.PREDICTIVE, ratio=1.5)
        async with Service(variables, lab.folder / "service.log") as service:
            office = office_of(lab, variables, service, stage.campaign)
            target = service.url.removeprefix("http://")
            async with prometheus(target, settings.cell) as url:
                viewer = Viewer(http, url)
                await seen(office, viewer)
                await office.ready()
                await office.start()
                await work(office)
                during = [answer for board in boards() for answer in await viewer.look(board)]
                choices = await pick(viewer)
                chosen = [answer for board in boards() for answer in await viewer.look(board)]
                viewer.picked = {"obzvon-operators-en": {"at_least": f"{LONG_S}"}}
                await office.go_home()
                await scraped(office, viewer)
                after = [answer for board in boards() for answer in await viewer.look(board)]
                span_s = await viewer.now_s() - viewer.since_s
            yield Day(during, chosen, choices, after, span_s, settings.data_dir / "obzvon.db")


async def seen(office: Office, viewer: Viewer) -> None:
    """Until the first scrape: Prometheus looks for its targets some seconds after it has started."""

    async def is_seen() -> bool:
        return bool((await viewer.ask("query", query='up{job="obzvon"} == 1'))["result"])

    await office.until(is_seen, "Prometheus has scraped the service")
    viewer.since_s = await viewer.now_s() - SCRAPE_S


async def work(office: Office) -> None:
    """Predictive dialing; in between far too many lines, until one who answers finds nobody, and a break."""
    await asyncio.sleep(RUN_S / 2)
    await office.change(mode="power", ratio=3.0)
    await office.until(lambda: somebody_found_nobody(office), "somebody found nobody", 60.0)
    await office.change(mode="predictive")
    resting = office.operators[-1]
    await office.do(resting, "pause", {"reason": "lunch"})  # in a talk: from its end on
    await asyncio.sleep(RUN_S / 2)
    await office.stands(resting, "paused", timeout_s=60.0)
    await office.in_flight(1, "bridged")


async def somebody_found_nobody(office: Office) -> bool:
    tallies = await office.service.get("/v1/tallies")
    return bool(tallies["total"]["abandoned"])


async def pick(viewer: Viewer) -> dict[str, list[tuple[str, str]]]:
    """Chooses the first value of every variable, as a viewer does who wants one campaign, operator, trunk."""
    choices: dict[str, list[tuple[str, str]]] = {}
    for board in boards():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                found = choices[f"{board['uid']}: {variable['name']}"] = await viewer.choices(variable)
                if found:
                    viewer.picked.setdefault(board["uid"], {})[variable["name"]] = found[0][1]
    return choices


async def scraped(office: Office, viewer: Viewer) -> None:
    """Until Prometheus has seen that all are at home, and the rules have as well."""
    query = 'sum(dialer_operators{state!="offline"}) + sum(dialer_queue_depth{queue="journal"}) == 0'

    async def is_quiet() -> bool:
        return bool((await viewer.ask("query", query=query))["result"])

    await office.until(is_quiet, "Prometheus has seen that all are at home")
    settled_s = await viewer.now_s() + 3 * SCRAPE_S

    async def is_settled() -> bool:
        return await viewer.now_s() > settled_s

    await office.until(is_settled, "the rules are worked out once a second")


# --- the promises -----------------------------------------------------------------------------------------


def values_of(answer: Answer) -> list[float]:
    return [value for _, value in answer.last if math.isfinite(value)]


def name_of(answer: Answer) -> str:
    return f"{answer.board.split('-')[1]}: {answer.panel} ({answer.letter})"


async def test_every_query_of_every_panel_gives_a_figure(day: Day) -> None:
    write(day)
    for answers in (day.during, day.chosen):
        empty = {name_of(one) for one in answers if not values_of(one) and math.isnan(one.peak)}
        assert empty == set(SILENT)


async def test_every_variable_offers_what_there_is(day: Day) -> None:
    assert all(day.choices.values()), day.choices
    assert day.choices["obzvon-pacing-en: campaign"] == [("demo", "1")]
    assert ("carrier", "carrier") in day.choices["obzvon-trunks-en: trunk"]
    assert len(day.choices["obzvon-operators-en: operator"]) >= OPERATORS


async def test_a_table_has_no_column_that_only_prometheus_understands(day: Day) -> None:
    tables = {(board["uid"], panel["title"]) for board in boards() for panel in board["panels"]
              if panel["type"] == "table"}  # fmt: skip
    for answer in day.during:
        if (answer.board, answer.panel) in tables:
            assert not {"__name__", "job"} & {label for labels, _ in answer.last for label in labels}, answer


async def test_no_label_that_a_board_can_show_holds_a_number(day: Day) -> None:
    for answer in (*day.during, *day.after):
        for labels, _ in answer.last:
            assert not re.search(r"\d{7,}", " ".join(labels.values())), labels


def asked(database: Path, sql: str) -> float:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return float(connection.execute(sql).fetchone()[0] or 0)


STAYS = """SELECT sum(until_at - at) / 1e6 FROM (SELECT operator, became, at,
    lead(at) OVER (PARTITION BY operator ORDER BY at, n) AS until_at FROM state_changes)
    WHERE became {states}"""
COUNT = "SELECT count(*) FROM cdrs WHERE"
SAME = {  # board, panel, query: what the database says
    "attempts": ("pacing", "Attempts by outcome", "A", f"{COUNT} true"),
    "sent out": ("trunks", "Numbers sent out, 24 h", "A", f"{COUNT} direction = 'out'"),
    "ended": ("trunks", "How attempts ended", "A", f"{COUNT} direction = 'out'"),
    "answered live": ("floor", "Campaigns, last hour", "E", f"{COUNT} answer_at IS NOT NULL"),
    "abandoned, 24 h": ("abandoned", "Campaign by campaign", "D", f"{COUNT} outcome = 'abandoned'"),
    "abandoned, 30 d": ("abandoned", "Campaign by campaign", "G", f"{COUNT} outcome = 'abandoned'"),
    "calls": ("operators", "Calls", "A", f"{COUNT} bridge_at IS NOT NULL"),
    "long calls": ("operators", "Calls over ${at_least:text}", "A", f"{COUNT} talk_s > {LONG_S}"),
    "air time": ("operators", "Air time", "A", "SELECT sum(talk_us) / 1e6 FROM cdrs"),
    "hours logged in": ("operators", "Hours logged in", "A", STAYS.format(states="!= 'offline'")),
    "hours in talks": ("operators", "Operators in the chosen time", "B", STAYS.format(states="= 'talking'")),
}


@pytest.mark.parametrize("name", SAME)
async def test_a_board_shows_what_the_database_holds(day: Day, name: str) -> None:
    """But for what Prometheus guesses beyond its last scrape."""
    board, panel, letter, sql = SAME[name]
    shown, held = day.shown(f"obzvon-{board}-en", panel, letter), asked(day.database, sql)
    assert held > 0
    assert shown == pytest.approx(held, rel=2 * SCRAPE_S / day.span_s, abs=0.5)


# --- the page of a run ------------------------------------------------------------------------------------

COMMAND = (
    "BOARDS_FOR={:g} BOARDS_PAGE=docs/bench-boards.md make test ARGS=tests/pbx/test_dashboards.py WORKERS=0"
)
HEAD = """# What the boards show
Every query of every board in `docker/grafana/dashboards/`, asked as Grafana does of a Prometheus with the
rules of `docker/prometheus/` that watched the demo's world for {span_s:.0f} s: {operators} operators, one
predictive campaign, a spell of far too many lines in between. It scraped and worked out its rules each
second. This writes the page anew:

    {command}

## Beside the database
After all had gone home. Prometheus guesses how a counter goes on beyond its last scrape: hence the fractions.

| figure | board | database |
|---|---|---|"""
PANELS = """
## Query by query
While all were at work: how many series there are, the least and the greatest of them, and the greatest value
over the time where a panel shows its course.

| board | panel | query | series | least | greatest | peak |
|---|---|---|---|---|---|---|"""


def write(day: Day) -> None:
    """Every figure that is compared, and every panel with what its queries gave."""
    lines = [
        HEAD.format(span_s=day.span_s, operators=OPERATORS, command=COMMAND.format(RUN_S)),
        *compared(day),
        PANELS,
        *told(day),
    ]
    if PAGE:
        Path(PAGE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def compared(day: Day) -> Iterator[str]:
    for name, (board, panel, letter, sql) in SAME.items():
        shown, held = day.shown(f"obzvon-{board}-en", panel, letter), asked(day.database, sql)
        yield f"| {name} | {shown:.1f} | {held:.1f} |"


def told(day: Day) -> Iterator[str]:
    for one in day.during:
        found = values_of(one)
        span = f"{min(found):.4g} | {max(found):.4g}" if found else "- | -"
        peak = "" if math.isnan(one.peak) else f"{one.peak:.4g}"
        board = one.board.split("-")[1]
        yield f"| {board} | {one.panel} | {one.letter} | {len(one.last)} | {span} | {peak} |"
