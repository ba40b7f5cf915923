"""`dialer campaign`: make, change, start and stop campaigns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.cli import choices
from dialer.cli.api import is_running
from dialer.cli.knobs import (
    Knob,
    ceiling,
    length,
    number,
    one_of,
    operators,
    phone,
    retry,
    span,
    trunks,
    whole,
    with_knobs,
    yes_or_no,
)
from dialer.cli.later import check_calendar, largest_upload, store_message
from dialer.cli.outlook import means, show_outlook
from dialer.cli.screen import AsJson, print_json, print_pairs, print_table, remark, say
from dialer.cli.stores import OWNER, with_stores
from dialer.cli.versions import Seen
from dialer.domain import law
from dialer.domain.callerid import caller_id_of
from dialer.domain.campaign import Campaign, plain
from dialer.domain.errors import BadValue, Mistake
from dialer.domain.explain import Standing
from dialer.domain.hourstext import windows_of
from dialer.domain.outlook import ListOutlook
from dialer.domain.said import said, titled, word
from dialer.domain.schedule import hours
from dialer.domain.types import Language, Mode, Purpose
from dialer.office import campaigns as office
from dialer.office import copies, leads, outlook
from dialer.office import trunks as trunks_office
from dialer.ports.stores import Stores
from dialer.settings import Settings, sounds_dir

app = typer.Typer(no_args_is_help=True, help="Make, change, start and stop campaigns.")
app.add_typer(choices.dispositions, name="dispositions")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign, by name or id.", show_default=False)]


def _calendar(text: str) -> str:
    return {"none": "", "zone": "zone"}.get(text.lower(), text.upper())


LEG_S = "45, 30s, 15m, 2h, 3d"
KNOBS = (
    Knob("purpose", "PURPOSE", f"{', '.join(Purpose)}; with the country it chooses the rules of law.",
         one_of(Purpose)),
    Knob("country", "XX", "The country that is called."),
    Knob("mode", "MODE", f"{', '.join(Mode)}.", one_of(Mode)),
    Knob("ratio", "N", "Power mode: lines per free operator.", number),
    Knob("priority", "N", "Higher dials first where operators are shared.", whole),
    Knob("weight", "N", "Of equal priority: calls in flight in this proportion.", whole),
    Knob("operators", "IDS", "Who works on it: 101,105-109; none.", operators),
    Knob("trunks", "NAMES", "Ways out in order of preference: main,spare; none.", trunks),
    Knob("caller_id", "NUMBER", "The number that people see; none: the trunk's own."),
    Knob("schedule", "HOURS", "In the person's zone: 'Mon-Fri 09:00-20:00, Sat 10:00-16:00'.", windows_of),
    Knob("holidays", "CALENDAR", "No calls on public holidays: zone (the person's country), RU, DE-BY; none.",
         _calendar),
    Knob("ring_s", "SECONDS", "How long a phone rings, 15 s at least.", span),
    Knob("wrap_up_s", "SECONDS", "The operator's time for the card after a call.", span),
    Knob("after_wrap_up_ready", "YES|NO", "no: paused after the wrap-up.", yes_or_no, "ready_after_wrap_up"),
    Knob("language", "ru|en", f"Of what people hear: {', '.join(Language)}.", one_of(Language)),
    Knob("record", "YES|NO", "Record talks.", yes_or_no),
    Knob("tone", "YES|NO", "The operator hears a short tone before each person.", yes_or_no),
    Knob("shows_person", "YES|NO", "The operator's phone shows name and number of the person.", yes_or_no),
    Knob("longest_talk_s", "SECONDS", f"A talk is ended after this: {LEG_S}.", span, "longest_talk"),
    Knob("longest_hold_s", "SECONDS", "A hold is ended after this.", span, "longest_hold"),
    Knob("max_attempts", "N", "Most attempts at one lead, all its numbers together.", whole),
    Knob("rest", "TIME", f"Between two attempts at one number: {LEG_S}.", length),
    Knob("abandoned_rest", "TIME", "After a call that nobody could take.", length),
    Knob("retries", "OUTCOME=TIMES", "no_answer=2h,24h,next (the lead's next number first); busy=never.",
         retry, "retry", many=True),
    Knob("cap", "N", "Most calls in flight; 0: no cap of its own.", whole),
    Knob("ceiling", "PERCENT", "Predictive: most abandoned calls, of those that people answer: 3.", ceiling),
    Knob("dnc_whole_lead", "YES|NO", "\"Never again\" bars the lead's other numbers, too.", yes_or_no),
    Knob("best_first", "YES|NO", "Predictive: likeliest leads first; leaves a worse list.", yes_or_no),
    Knob("message", "SOUND", "A sound that is there already; `campaign message` makes one."),
    Knob("name", "NAME", "A new name.", option="rename"),
)  # fmt: skip
NEW_KNOBS = KNOBS[:-1]
PROPERTIES = {
    str(name).replace(" ", "_"): name
    for name in titled(
        "id", "name", "purpose", "country", "mode", "status", "ratio", "priority", "weight", "operators",
        "trunks", "caller id", "schedule", "holidays", "ring s", "wrap up s", "after wrap up ready",
        "message", "language", "record", "tone", "shows person", "longest talk s", "longest hold s",
        "max attempts", "rest s", "abandoned rest s", "retries", "cap", "ceiling", "dnc whole lead",
        "best first", "dispositions", "paused lists", "archived", "version",
    )
}  # fmt: skip


async def find_campaign(stores: Stores, name: str) -> Campaign:
    """By name, else by id; Missing says what there is."""
    return await office.named(name, OWNER, stores)


# --- make and change --------------------------------------------------------------------------------------


@app.command("add")
@with_knobs(NEW_KNOBS)
def add(name: Name, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Make a campaign, as a draft; next: its message, its list, its start."""

    async def work(settings: Settings, stores: Stores) -> Campaign:
        changes = {"country": settings.country, **_changes(settings, given), "name": name.strip()}
        return await office.add(
            changes,
            OWNER,
            stores,
            shortest_ring_s=shortest_ring_s(settings),
            check_calendar=check_calendar,
        )

    _show(with_stores(work), as_json=as_json, is_new=True)


CREW_KNOBS = (
    Knob("add_operators", "IDS", "Who works on it besides: 113-115.", operators),
    Knob("remove_operators", "IDS", "Who works on it no longer.", operators),
)


@app.command("set")
@with_knobs((*KNOBS, *CREW_KNOBS))
def change(name: Name, *, version: Seen = None, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Change what is named; a running campaign takes it up at once."""
    if not given:
        raise BadValue(said("say what to change: `dialer campaign set --help` lists it"))

    async def work(settings: Settings, stores: Stores) -> Campaign:
        was = await find_campaign(stores, name)
        changes = _changes(settings, given)
        more, fewer = (changes.pop(knob.field, frozenset()) for knob in CREW_KNOBS)
        if more or fewer:
            if "operators" in changes:
                raise BadValue(said("--operators names all of them: use it alone"))
            changes["operators"] = (was.operators | more) - fewer
        if "retries" in changes:  # what is not named stays
            changes["retries"] = {**was.retries, **changes["retries"]}
        ring_s = shortest_ring_s(settings)
        told = await office.change(
            was.id,
            changes,
            OWNER,
            None,
            stores,
            shortest_ring_s=ring_s,
            check_calendar=check_calendar,
            # what is worked out from it must not take back what somebody else does now
            version=version or was.edition.version,
        )
        return told.campaign

    _show(with_stores(work), as_json=as_json, is_new=False)


def shortest_ring_s(settings: Settings) -> float:
    """The law's, but in the lab."""
    return 0.0 if settings.lab else law.LAWFUL_RING_S


def _changes(settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """By the fields of a campaign."""
    changes = dict(given)
    if caller_id := changes.get("caller_id"):
        changes["caller_id"] = "" if caller_id == "none" else phone("--caller-id", caller_id, settings)
    return changes


def _show(campaign: Campaign, *, as_json: bool, is_new: bool) -> None:
    if as_json:
        print_json(plain(campaign))
    else:
        args = {"id": campaign.id, "name": campaign.name, "status": word(campaign.status)}
        if is_new:
            say(said("campaign {id} {name!r} is added; it is {status}", **args))
        else:
            say(said("campaign {id} {name!r} is changed; it is {status}", **args))


@app.command("copy")
def copy(
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="What the copy is called.", show_default=False)],
    *,
    with_operators: Annotated[
        bool, typer.Option("--with-operators", help="The same people work on it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a draft with the settings, rules and message of another campaign; without leads."""

    async def work(settings: Settings, stores: Stores) -> Campaign:
        source = (await find_campaign(stores, name)).id
        return await copies.copy(source, new.strip(), OWNER, stores, with_operators=with_operators)

    _show(with_stores(work), as_json=as_json, is_new=True)


@app.command("archive")
def archive(name: Name) -> None:
    """Hide a campaign that is over; it is not started any more, its leads and records stay."""
    campaign = with_stores(lambda _, stores: _end(stores, name, copies.archive))
    say(said("campaign {name!r} is in the archive: `campaign list --archived` shows it", name=campaign.name))


@app.command("unarchive")
def unarchive(name: Name) -> None:
    """Bring a campaign back from the archive; it does not start by itself."""
    _tell_status(with_stores(lambda _, stores: _end(stores, name, copies.unarchive)))


@app.command("message")
def message(
    name: Name, file: Annotated[Path, typer.Argument(metavar="FILE.wav", help="PCM, up to a minute.")]
) -> None:
    """Set what a person hears when no operator is free: who calls, and how to be left alone."""

    kept: list[tuple[float, str]] = []

    async def work(settings: Settings, stores: Stores) -> None:
        async def keep(sound: str, content: bytes) -> float:
            made = await store_message(sounds_dir(settings), sound, content)
            kept.append((made.seconds, str(made.path)))
            return made.seconds

        campaign = await find_campaign(stores, name)
        content = await asyncio.to_thread(_read, file)
        await office.give_message(campaign.id, content, OWNER, None, stores, keep=keep)

    with_stores(work)
    say(said("the message lasts {seconds:.1f} s; it is {path}", seconds=kept[0][0], path=kept[0][1]))


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > (most := largest_upload()):
            raise BadValue(
                said(
                    "{file} has more than {largest_upload} MB: cut it shorter",
                    file=file,
                    largest_upload=most // 2**20,
                )
            )
        return file.read_bytes()
    except OSError as failure:
        raise BadValue(
            said("{file} cannot be read: {strerror}", file=file, strerror=failure.strerror)
        ) from None


# --- look -------------------------------------------------------------------------------------------------


@app.command("list")
def show_all(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Those in the archive as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the campaigns with their leads."""

    async def work(settings: Settings, stores: Stores) -> list[tuple[Campaign, Mapping[str, int]]]:
        now, shown = utc_now(), await office.every(OWNER, stores, archived=archived)
        return [(each, await leads.count(each.id, OWNER, stores, now=now)) for each in shown]

    found = with_stores(work)
    if as_json:
        print_json([plain(one) | {"leads": counts} for one, counts in found])
        return
    print_table(
        titled("id", "name", "status", "mode", "purpose", "operators", "trunks", "leads", "to call now"),
        [
            (
                one.id,
                one.name,
                word(one.status),
                one.mode,
                one.purpose,
                len(one.operators),
                one.trunks,
                sum(counts.values()),
                counts.get("new", 0) + counts.get("retry_due", 0),
            )
            for one, counts in found
        ],
        empty=said("There is no campaign: `dialer campaign add NAME` makes one."),
    )


@app.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a campaign: settings, leads, what keeps it from starting, what the law leaves to you."""

    async def work(settings: Settings, stores: Stores) -> tuple[Campaign, Mapping[str, int], list[str]]:
        one = await find_campaign(stores, name)
        problems: list[str] = [verdict.reason for verdict in law.check_start(one, settings.lab)]
        return one, await leads.count(one.id, OWNER, stores, now=utc_now()), problems

    one, counts, problems = with_stores(work)
    shown = plain(one)
    duties = law.choose(one.country, one.purpose).left_to_you
    if as_json:
        print_json(shown | {"leads": counts, "cannot_start": problems, "left_to_you": duties})
        return
    shown |= {
        "schedule": hours(one.schedule),  # as it is typed
        "ceiling": said("{ceiling:.2%}", ceiling=one.ceiling),
        "dispositions": " ".join(f"{each.key}={each.code}".lstrip("=") for each in one.dispositions),
        "retries": " ".join(f"{outcome}={_times(row)}" for outcome, row in shown["retries"].items()),
    }
    print_pairs([(PROPERTIES[key], value) for key, value in shown.items()])
    print_pairs((said("leads {status}", status=word(Standing(key))), count) for key, count in counts.items())
    for problem in problems:
        say(said("cannot start: {problem}", problem=problem))
    for duty in duties:
        remark(said("the law leaves to you: {duty}", duty=duty))


@app.command("outlook")
def foresee(name: Name, as_json: AsJson = False) -> None:
    """Say how many leads can be called now, later today, on another day and never, and why."""

    async def work(settings: Settings, stores: Stores) -> ListOutlook:
        one = await find_campaign(stores, name)
        return await outlook.of_campaign(one.id, OWNER, stores, means=means(settings), now=utc_now())

    show_outlook(with_stores(work), as_json=as_json)


def _times(row: Mapping[str, Any]) -> str:
    """As --retry takes it."""
    delays = [_span(delay) for delay in row["delays_s"]] + ["next"] * row["next_number"]
    return ",".join(delays) or "never"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


# --- start, pause, stop -----------------------------------------------------------------------------------


@app.command("start")
def start(name: Name) -> None:
    """Begin, or go on, dialing; refused with the reasons when something is missing or a law forbids it."""

    async def work(settings: Settings, stores: Stores) -> tuple[Campaign, bool]:
        found = await find_campaign(stores, name)
        try:
            told = await office.start(found.id, OWNER, None, stores, lab=settings.lab)
        except Mistake:
            if not found.message:
                remark(said("`dialer campaign message {name} FILE.wav` sets the message", name=found.name))
            raise
        ways, _ = await trunks_office.every(OWNER, stores)
        for trunk in ways:
            if trunk.id in found.trunks and not caller_id_of(found, trunk):
                remark(
                    said(
                        "nothing is dialled by trunk {trunk} until it has a number that people see:"
                        " `dialer trunk set {trunk} --caller-ids NUMBER`",
                        trunk=trunk.id,
                    )
                )
        return told.campaign, await is_running(settings)

    campaign, runs = with_stores(work)
    _tell_status(campaign)
    if not runs:
        remark(said("nothing is dialled until the service runs: `dialer run`"))


@app.command("pause")
def pause(name: Name) -> None:
    """Dial nobody new until it is started again; calls in flight go on."""
    _tell_status(with_stores(lambda _, stores: _end(stores, name, office.pause)))


@app.command("stop")
def stop(name: Name) -> None:
    """Dial nobody new and give the leads back; calls in flight go on."""
    _tell_status(with_stores(lambda _, stores: _end(stores, name, office.stop)))


async def _end(stores: Stores, name: str, end: Callable[..., Awaitable[office.Saved]]) -> Campaign:
    return (await end((await find_campaign(stores, name)).id, OWNER, None, stores)).campaign


def _tell_status(campaign: Campaign) -> None:
    say(said("campaign {name!r} is {status}", name=campaign.name, status=word(campaign.status)))
