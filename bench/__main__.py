"""`python -m bench`: calls a second beside a bare loop; others measure less of it, see WHAT."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from bench import barred, day, imports, notices, page, pages, parts, short, store, table, verbs, weight
from bench.calls import Wish, measure
from bench.figures import BARE, PRODUCT
from dialer.domain.errors import Fatal, ObzvonError
from dialer.lab.tested import tested

WHAT = (
    "calls",
    "short",
    "parts",
    "pages",
    "notices",
    "weight",
    "dnc",
    "import",
    "store",
    "day",
    "verbs",
    "all",
)
MEDIA = {"no": (False,), "yes": (True,), "both": (False, True)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=WHAT, default="calls")
    parser.add_argument("--media", choices=MEDIA, default="both", help="do phones and numbers send sound?")
    parser.add_argument("--tone", action="store_true", help="a tone to the operator before each person; off:"
                        " the service does for a call what the loop does")  # fmt: skip
    parser.add_argument("--only", choices=(PRODUCT, BARE), help="one side alone: to profile it, no ratio")
    parser.add_argument("--rates", help="only these calls per second, such as 20,40; else search the limit")
    parser.add_argument("--first", type=int, default=60, help="where the search begins, calls per second")
    parser.add_argument("--most", type=int, default=200, help="where it ends; decides how many operators")
    parser.add_argument("--probe", type=float, default=6.0, metavar="S", help="length of a probe")
    parser.add_argument("--confirm", type=float, default=60.0, metavar="S", help="of the last one; 0: none")
    parser.add_argument("--turns", type=int, default=1, help="how often each side has its turn")
    parser.add_argument("--tries", type=int, default=2, help="a rate that is not held is tried so often")
    parser.add_argument("--within", type=float, default=2400.0, metavar="S", help="most time for all of it")
    parser.add_argument("--database", default="", help="parts, dnc, import, store: a PostgreSQL, too")
    parser.add_argument("--leads", type=int, default=store.SIZES[-1], help="store: of its longest list there")
    parser.add_argument("--match", default="", help="store: only operations whose names match this pattern")
    parser.add_argument("--rows", type=int, default=imports.ROWS, help="import: of the list")
    parser.add_argument("--redis", default="", help="notices: a Redis to go through, besides the socket")
    parser.add_argument("--write", action="store_true", help="short, day: to their pages in docs/")
    parser.add_argument("--check", action="store_true", help="short: fail below 0.9 of what was written")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures as JSON; - for stdout")
    return parser.parse_args()


def wish_of(asked: argparse.Namespace) -> Wish:
    rates = tuple(int(rate) for rate in (asked.rates or "").split(",") if rate)
    return Wish(
        media=MEDIA[asked.media],
        tone=asked.tone,
        sides=(asked.only,) if asked.only else (PRODUCT, BARE),
        rates=rates,
        first_rate=asked.first,
        most=max(asked.most, *rates, asked.first),
        probe_s=asked.probe,
        confirm_s=asked.confirm,
        turns=asked.turns,
        tries=1 if rates else asked.tries,
    )


async def run(asked: argparse.Namespace, console: Console) -> tuple[dict[str, object], bool]:
    """The figures, and whether there was time for all of them."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    figures: dict[str, object] = {}
    is_whole = True
    if asked.what in ("calls", "all"):
        wish, under = wish_of(asked), page.conditions(tested())
        result, is_whole = await measure(wish, lambda words: say(words, console), asked.within, stop)
        table.show(result, console)
        if is_whole and wish.is_for_the_page:
            page.put(page.WHOLE, page.whole_run(result, under))
        figures["calls"] = table.plain(result)
    if asked.what in ("parts", "all") and not stop.is_set():
        found = await parts.measure(lambda words: say(words, console), asked.database)
        table.show_parts(found, console)
        figures["parts"] = [part.plain() for part in found]
    if asked.what == "short":
        ratios = await short.run(lambda words: say(words, console), asked.within, stop)
        if ratios is None:
            return figures, False
        figures["short"] = asdict(ratios)
        say(ratios.line(), console)
        if asked.check and (flaws := short.flaws(ratios, short.read())):
            raise Fatal("; ".join(flaws))
        if asked.write:
            short.write(ratios)
    if asked.what == "pages":
        figures["pages"] = [asdict(held) for held in await pages.measure(lambda words: say(words, console))]
    if asked.what == "dnc":
        timed = await barred.measure(lambda words: say(words, console), asked.database)
        figures["dnc"] = [asdict(one) for one in timed]
    if asked.what == "import":
        told = await imports.measure(lambda words: say(words, console), asked.rows, asked.database)
        figures["import"] = [asdict(one) for one in told]
    if asked.what == "store":
        of_store = await store.measure(
            lambda words: say(words, console), asked.database, asked.leads, asked.match
        )
        figures["store"] = [asdict(one) for one in of_store]
    if asked.what == "day":
        load = os.getloadavg()[0]
        done = await day.measure(lambda words: say(words, console))
        if asked.write:
            day.write(done, load)
        figures["day"] = [asdict(one) for _, typed in done for one in typed]
    if asked.what == "notices":
        await notices.run(asked.redis, console)
    if asked.what == "weight":
        found_weight = await weight.measure(lambda words: say(words, console))
        say(found_weight.line(), console)
        figures["weight"] = asdict(found_weight)
    if asked.what == "verbs":
        floors, rows = await verbs.measure(lambda words: say(words, console))
        figures["verbs"] = {"floors": floors, "rows": [asdict(row) for row in rows]}
    return figures, is_whole


def say(words: str, console: Console) -> None:
    console.print(words, highlight=False, soft_wrap=True)


def main() -> int:
    asked = arguments()
    console = Console(stderr=asked.json is not None and str(asked.json) == "-")
    try:
        figures, is_whole = asyncio.run(run(asked, console))
    except ObzvonError as failure:
        console.print(f"bench: {failure}", highlight=False)
        return 1
    text = json.dumps(figures, indent=2)
    if asked.json is not None and str(asked.json) == "-":
        print(text)
    elif asked.json is not None:
        asked.json.write_text(text + "\n", encoding="utf-8")
    if not is_whole:
        console.print(
            "bench: stopped, or out of time, before the end (see --within): this is what there is",
            highlight=False,
        )
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
