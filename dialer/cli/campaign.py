"""`dialer campaign`: make, change, start and stop campaigns."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from dialer.adapters.clock import utc_now
from dialer.adapters.sounds import LARGEST_UPLOAD, Message, store_message
from dialer.cli.api import is_running
from dialer.cli.knobs import (
    Knob,
    ceiling,
    check,
    items,
    number,
    operators,
    phone,
    retry,
    schedule,
    span,
    whole,
    with_knobs,
    yes_or_no,
)  # fmt: skip
from dialer.cli.screen import AsJson, print_json, print_pairs, print_table, remark, say
from dialer.cli.stores import with_stores
from dialer.domain import law
from dialer.domain.callerid import check_caller_id
from dialer.domain.campaign import Campaign
from dialer.domain.errors import BadValue, Conflict, Forbidden, Missing
from dialer.domain.explain import Standing
from dialer.domain.said import listed, said, titled, word
from dialer.domain.schedule import hours
from dialer.domain.types import CampaignId, CampaignStatus, Language, Mode, Purpose
from dialer.domain.verdict import Gate
from dialer.ports.stores import Stores
from dialer.settings import Settings, sounds_dir
from dialer.web.api.campaign_fields import CampaignChange, CampaignOut

app = typer.Typer(no_args_is_help=True, help="Make, change, start and stop campaigns.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign, by name or id.", show_default=False)]

LEG_S = "45, 30s, 15m, 2h, 3d"
KNOBS = (
    Knob("purpose", "PURPOSE", f"{', '.join(Purpose)}; with the country it chooses the rules of law."),
    Knob("country", "XX", "The country that is called."),
    Knob("mode", "MODE", f"{', '.join(Mode)}."),
    Knob("ratio", "N", "Power mode: lines per free operator.", number),
    Knob("priority", "N", "Higher dials first where operators are shared.", whole),
    Knob("weight", "N", "Of equal priority: calls in flight in this proportion.", whole),
    Knob("operators", "IDS", "Who works on it: 101,105-109; none.", operators),
    Knob("trunks", "NAMES", "Ways out in order of preference: main,spare; none.", items),
    Knob("caller_id", "NUMBER", "The number that people see; none: the trunk's own."),
    Knob("schedule", "HOURS", "In the person's zone: 'Mon-Fri 09:00-20:00, Sat 10:00-16:00'.", schedule),
    Knob("ring_s", "SECONDS", "How long a phone rings, 15 s at least.", span),
    Knob("wrap_up_s", "SECONDS", "The operator's time for the card after a call.", span),
    Knob("after_wrap_up_ready", "YES|NO", "no: paused after the wrap-up.", yes_or_no, "ready_after_wrap_up"),
    Knob("language", "ru|en", f"Of what people hear: {', '.join(Language)}."),
    Knob("record", "YES|NO", "Record talks.", yes_or_no),
    Knob("tone", "YES|NO", "The operator hears a short tone before each person.", yes_or_no),
    Knob("shows_person", "YES|NO", "The operator's phone shows name and number of the person.", yes_or_no),
    Knob("longest_talk_s", "SECONDS", f"A talk is ended after this: {LEG_S}.", span, "longest_talk"),
    Knob("longest_hold_s", "SECONDS", "A hold is ended after this.", span, "longest_hold"),
    Knob("max_attempts", "N", "Most attempts at one lead, all its numbers together.", whole),
    Knob("rest_s", "TIME", f"Between two attempts at one number: {LEG_S}.", span, "rest"),
    Knob("abandoned_rest_s", "TIME", "After a call that nobody could take.", span, "abandoned_rest"),
    Knob("retries", "OUTCOME=TIMES", "no_answer=2h,24h,next (the lead's next number first); busy=never.",
         retry, "retry", many=True),
    Knob("cap", "N", "Most calls in flight; 0: no cap of its own.", whole),
    Knob("ceiling", "PERCENT", "Predictive: most abandoned calls, of those that people answer: 3.", ceiling),
    Knob("best_first", "YES|NO", "Predictive: likeliest leads first; leaves a worse list.", yes_or_no),
    Knob("message", "SOUND", "A sound that is there already; `campaign message` makes one."),
    Knob("name", "NAME", "A new name.", option="rename"),
)  # fmt: skip
NEW_KNOBS = KNOBS[:-1]
PROPERTIES = {
    str(name).replace(" ", "_"): name
    for name in titled(
        "id", "name", "purpose", "country", "mode", "status", "ratio", "priority", "weight", "operators",
        "trunks", "caller id", "schedule", "ring s", "wrap up s", "after wrap up ready", "message",
        "language", "record", "tone", "shows person", "longest talk s", "longest hold s", "max attempts",
        "rest s", "abandoned rest s",
        "retries", "cap", "ceiling", "best first",
    )
}  # fmt: skip


async def find_campaign(stores: Stores, name: str) -> Campaign:
    """By name, else by id; Missing says what there is."""
    if found := await stores.campaigns.by_name(name):
        return found
    every = await stores.campaigns.all()
    for campaign in every:
        if str(campaign.id) == name:
            return campaign
    if not every:
        raise Missing(said("there is no campaign {name!r}: dialer campaign add {name!r} makes it", name=name))
    known = listed(said("{name!r}", name=campaign.name) for campaign in every[:10])
    raise Missing(said("there is no campaign {name!r}: there are {known}", name=name, known=known))


# --- make and change --------------------------------------------------------------------------------------


@app.command("add")
@with_knobs(NEW_KNOBS)
def add(name: Name, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Make a campaign, as a draft; next: its message, its list, its start."""

    async def work(settings: Settings, stores: Stores) -> Campaign:
        if not name.strip() or len(name) > 100 or not name.isprintable():
            raise BadValue(
                said("{name!r} cannot name a campaign: take 1 to 100 printable characters", name=name[:40])
            )
        new = await changed(
            settings, stores, Campaign(CampaignId(0), name.strip(), country=settings.country), given
        )
        return await stores.campaigns.add(new)

    _show(with_stores(work), as_json=as_json, is_new=True)


@app.command("set")
@with_knobs(KNOBS)
def change(name: Name, *, as_json: AsJson = False, given: Mapping[str, Any]) -> None:
    """Change what is named; a running campaign takes it up at once."""
    if not given:
        raise BadValue(said("say what to change: `dialer campaign set --help` lists it"))

    async def work(settings: Settings, stores: Stores) -> Campaign:
        new = await changed(settings, stores, await find_campaign(stores, name), given)
        await stores.campaigns.save(new)
        return new

    _show(with_stores(work), as_json=as_json, is_new=False)


async def changed(settings: Settings, stores: Stores, was: Campaign, given: Mapping[str, Any]) -> Campaign:
    """The campaign with what was given; BadValue names the option that will not do."""
    sent = dict(given)
    if caller_id := sent.get("caller_id"):
        sent["caller_id"] = "" if caller_id == "none" else phone("--caller-id", caller_id, settings)
    if "retries" in sent:
        kept = CampaignOut.of(was).model_dump(mode="json")["retries"]
        sent["retries"] = {**kept, **sent["retries"]}
    new = replace(was, **check(CampaignChange, KNOBS, sent).changes())
    if "ring_s" in sent and new.ring_s < law.LAWFUL_RING_S and not settings.lab:
        raise BadValue(
            said(
                "--ring-s {ring_s:g}: a phone must ring at least {lawful_ring_s:g} s",
                ring_s=new.ring_s,
                lawful_ring_s=law.LAWFUL_RING_S,
            )
        )
    await _check_people(stores, new, sent)
    return new


async def _check_people(stores: Stores, new: Campaign, sent: Mapping[str, Any]) -> None:
    if "operators" in sent:
        known = {account.id for account in await stores.accounts.all()}
        if unknown := sorted(new.operators - known):
            raise BadValue(
                said(
                    "--operators: there is no operator {unknown}: `dialer operator add`",
                    unknown=", ".join(unknown[:5]),
                )
            )
    if "trunks" in sent:
        ways = {trunk.id for trunk in await stores.trunks.all()}
        if absent := [trunk for trunk in new.trunks if trunk not in ways]:
            raise BadValue(
                said("--trunks: there is no trunk {absent}: `dialer trunk add`", absent=", ".join(absent[:5]))
            )
    if "trunks" in sent or "caller_id" in sent:
        check_caller_id(new, await stores.trunks.all())


def _show(campaign: Campaign, *, as_json: bool, is_new: bool) -> None:
    if as_json:
        print_json(CampaignOut.of(campaign).model_dump(mode="json"))
    else:
        args = {"id": campaign.id, "name": campaign.name, "status": word(campaign.status)}
        if is_new:
            say(said("campaign {id} {name!r} is added; it is {status}", **args))
        else:
            say(said("campaign {id} {name!r} is changed; it is {status}", **args))


@app.command("message")
def message(
    name: Name, file: Annotated[Path, typer.Argument(metavar="FILE.wav", help="PCM, up to a minute.")]
) -> None:
    """Set what a person hears when no operator is free: who calls, and how to be left alone."""

    async def work(settings: Settings, stores: Stores) -> Message:
        campaign = await find_campaign(stores, name)
        content = await asyncio.to_thread(_read, file)
        # a new name for new content: a message that is being played is never written over
        sound = f"campaign-{campaign.id}-{hashlib.sha256(content).hexdigest()}"[:32]
        stored = await store_message(sounds_dir(settings), sound, content)
        await stores.campaigns.save(replace(campaign, message=stored.name))
        return stored

    stored = with_stores(work)
    say(said("the message lasts {seconds:.1f} s; it is {path}", seconds=stored.seconds, path=stored.path))


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST_UPLOAD:
            raise BadValue(
                said(
                    "{file} has more than {largest_upload} MB: cut it shorter",
                    file=file,
                    largest_upload=LARGEST_UPLOAD // 2**20,
                )
            )
        return file.read_bytes()
    except OSError as failure:
        raise BadValue(
            said("{file} cannot be read: {strerror}", file=file, strerror=failure.strerror)
        ) from None


# --- look -------------------------------------------------------------------------------------------------


@app.command("list")
def show_all(as_json: AsJson = False) -> None:
    """List the campaigns with their leads."""

    async def work(settings: Settings, stores: Stores) -> list[tuple[Campaign, Mapping[str, int]]]:
        now = utc_now()
        return [(each, await stores.leads.count(each.id, now)) for each in await stores.campaigns.all()]

    found = with_stores(work)
    if as_json:
        print_json([CampaignOut.of(one).model_dump(mode="json") | {"leads": counts} for one, counts in found])
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
        return one, await stores.leads.count(one.id, utc_now()), problems

    one, counts, problems = with_stores(work)
    plain = CampaignOut.of(one).model_dump(mode="json")
    duties = law.choose(one.country, one.purpose).left_to_you
    if as_json:
        print_json(plain | {"leads": counts, "cannot_start": problems, "left_to_you": duties})
        return
    plain |= {
        "schedule": str(hours(one.schedule)),  # as it is typed
        "ceiling": said("{ceiling:.2%}", ceiling=one.ceiling),
        "retries": " ".join(f"{outcome}={_times(row)}" for outcome, row in plain["retries"].items()),
    }
    print_pairs([(PROPERTIES[key], value) for key, value in plain.items()])
    print_pairs((said("leads {status}", status=word(Standing(key))), count) for key, count in counts.items())
    for problem in problems:
        say(said("cannot start: {problem}", problem=problem))
    for duty in duties:
        remark(said("the law leaves to you: {duty}", duty=duty))


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

    def problem(campaign: Campaign, settings: Settings) -> None:
        if problems := law.check_start(campaign, settings.lab):
            kind = Forbidden if any(one.gate is Gate.LAW for one in problems) else Conflict
            told = listed((said("- {reason}", reason=one.reason) for one in problems), "\n")
            raise kind(said("campaign {name!r} cannot start:\n{told}", name=campaign.name, told=told))

    _set_status(name, CampaignStatus.RUNNING, problem)


@app.command("pause")
def pause(name: Name) -> None:
    """Dial nobody new until it is started again; calls in flight go on."""

    def problem(campaign: Campaign, settings: Settings) -> None:
        if campaign.status not in (CampaignStatus.RUNNING, CampaignStatus.PAUSED):
            raise Conflict(
                said(
                    "campaign {name!r} is {status}: only a running one can be paused",
                    name=campaign.name,
                    status=word(campaign.status),
                )
            )

    _set_status(name, CampaignStatus.PAUSED, problem)


@app.command("stop")
def stop(name: Name) -> None:
    """Dial nobody new and give the leads back; calls in flight go on."""
    _set_status(name, CampaignStatus.STOPPED, lambda campaign, settings: None)


def _set_status(name: str, status: CampaignStatus, problem: Any) -> None:
    async def work(settings: Settings, stores: Stores) -> tuple[Campaign, bool]:
        campaign = await find_campaign(stores, name)
        problem(campaign, settings)
        await stores.campaigns.set_status(campaign.id, status)
        return campaign, await is_running(settings)

    campaign, runs = with_stores(work)
    say(said("campaign {name!r} is {status}", name=campaign.name, status=word(status)))
    if status is CampaignStatus.RUNNING and not runs:
        remark(said("nothing is dialled until the service runs: `dialer run`"))
