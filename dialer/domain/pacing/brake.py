"""The brake of a campaign: dialing stops when people are abandoned though operators were there for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dialer.domain.call import Call, State
from dialer.domain.campaign import Campaign
from dialer.domain.clocks import shifted
from dialer.domain.said import Said, counted, said
from dialer.domain.types import CallId, CampaignId, Direction, Mode, Outcome

IN_A_ROW = 3  # abandoned one after another, each with an operator reserved: no chance, something is broken
ONE_MISHAP = 1  # in progressive mode: a phone that vanished at the wrong moment proves nothing
LAST_ANSWERS = 100
FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(hours=1)
FORGIVEN_AFTER = timedelta(hours=1)  # without the brake: the next pause is a first one again


@dataclass(slots=True)
class Brake:
    """What is known of one campaign's answers, and since when it is braked."""

    in_a_row: int = 0  # abandoned with an operator reserved, since the last talk
    answers: deque[bool] = field(default_factory=lambda: deque(maxlen=LAST_ANSWERS))  # was it abandoned
    why: str = ""  # empty: the brake is off; else "row" or "share"
    figures: tuple[int, int] = (0, 0)  # abandoned, of so many answers
    opens_at: datetime | None = None  # one call may try again
    pause: timedelta = FIRST_PAUSE  # of the present, or of the next one
    released_at: datetime | None = None

    def pull(self, why: str, now: datetime) -> None:
        """Stop dialing; each time within the hour twice as long."""
        if self.released_at is not None and now - self.released_at > FORGIVEN_AFTER:
            self.pause = FIRST_PAUSE
        self.why, self.figures = why, (sum(self.answers), len(self.answers))
        self.opens_at = now + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def release(self, now: datetime | None, *, forgiven: bool = False) -> None:
        """Dial as ever; a person who releases it starts the count of pauses anew."""
        self.why, self.in_a_row, self.opens_at, self.released_at = "", 0, None, now
        self.answers.clear()
        if forgiven:
            self.pause = FIRST_PAUSE

    def obstacle(self, now: datetime, in_flight: int) -> Said | str:
        """Why nothing is dialled; empty: dial, or try with one call."""
        if not self.why or self.opens_at is None:
            return ""
        if self.opens_at - now > self.pause:  # the clock was set back while the service was dead
            self.opens_at = now + self.pause
        if now < self.opens_at:
            left_s = max(1, round((self.opens_at - now).total_seconds()))
            return said("{why}; one call tries again in {s} s", why=self.told(), s=left_s)
        if in_flight:
            return said("{why}; one call tries whether that is over", why=self.told())
        return ""

    def told(self) -> Said:
        abandoned, answers = self.figures
        if self.why == "row":
            return counted(
                "the brake is on: {n} person in a row was abandoned though an operator was reserved",
                "the brake is on: {n} people in a row were abandoned though operators were reserved",
                self.in_a_row,
            )
        return said(
            "the brake is on: {abandoned} of the last {answers} people who answered were abandoned, more than"
            " the ceiling allows in progressive mode",
            abandoned=abandoned,
            answers=answers,
        )


class Brakes:
    """One for each campaign, in every mode. Pure in what was seen."""

    def __init__(self) -> None:
        self._of: dict[CampaignId, Brake] = {}
        self._rules: dict[CampaignId, tuple[Mode, float]] = {}
        self._running: set[CampaignId] | None = None
        self._reserved: set[CallId] = set()  # calls that had an operator
        self._judged: set[CallId] = set()  # counted already, not ended yet
        self._unheard: set[CallId] = set()  # answered while the service was away or frozen, or may have
        self._missed: set[CampaignId] = set()  # where somebody of these was abandoned, since the last talk

    def on(self) -> Mapping[CampaignId, Said]:
        """Campaigns that are braked, and why."""
        return {id_: brake.told() for id_, brake in self._of.items() if brake.why}

    def note(self, running: Iterable[Campaign]) -> None:
        """Those that may dial now. Who was started anew by a person is released."""
        rules = {one.id: (one.mode, one.ceiling) for one in running}
        if self._running is not None:
            for campaign in rules.keys() - self._running:
                if (brake := self._of.get(campaign)) is not None and brake.why:
                    brake.release(None, forgiven=True)
        self._running = set(rules)
        self._rules |= rules

    def obstacle(self, campaign: CampaignId, now: datetime, in_flight: int) -> Said | str:
        """Why this campaign dials nothing, or nothing more; empty: its brake does not hold it."""
        brake = self._of.get(campaign)
        return "" if brake is None else brake.obstacle(now, in_flight)

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: a pause is as long as it was."""
        self._of = {campaign: shifted(brake, by) for campaign, brake in self._of.items()}

    # --- what happens

    def saw(self, after: Call, *, inherited: bool = False) -> None:
        """One step of one call that we made; `inherited`: as it was when this life of the service began."""
        if after.direction is not Direction.OUT:
            return
        if inherited:
            self._unheard.add(after.id)
        if after.operator is not None:
            self._reserved.add(after.id)
        left_alone = after.state is State.MESSAGE or after.outcome is Outcome.ABANDONED
        if after.id not in self._judged and after.answer_at is not None:
            if after.bridge_at is not None:
                self._judge(after, abandoned=False)
            elif left_alone:
                self._judge(after, abandoned=True)
        if after.state is State.ENDED:
            self._judged.discard(after.id)
            self._reserved.discard(after.id)
            self._unheard.discard(after.id)

    def heard_late(self, call: CallId) -> None:
        """It was answered so long ago that nobody of ours could have come: the service was frozen."""
        self._unheard.add(call)

    def _judge(self, call: Call, *, abandoned: bool) -> None:
        self._judged.add(call.id)
        if abandoned and self._has_cause(call):
            return
        brake = self._of.setdefault(call.campaign, Brake())
        brake.answers.append(abandoned)
        now = call.message_at or call.end_at or call.bridge_at or call.answer_at
        assert now is not None, "it was answered"
        is_try = brake.opens_at is not None and (call.dialled_at or now) >= brake.opens_at
        if not abandoned:
            self._missed.discard(call.campaign)
            brake.in_a_row = 0 if not brake.why else brake.in_a_row
            if is_try:
                brake.release(now)
            return
        brake.in_a_row += call.id in self._reserved
        why = self._too_many(call.campaign, brake)
        if is_try or (why and not brake.why):
            brake.pull(why or brake.why, now)

    def _has_cause(self, call: Call) -> bool:
        """Whoever answered while the service was away had one cause, known and over: one mishap for all."""
        if call.id not in self._unheard:
            return False
        is_first = call.campaign not in self._missed
        self._missed.add(call.campaign)
        return not is_first

    def _too_many(self, campaign: CampaignId, brake: Brake) -> str:
        mode, ceiling = self._rules.get(campaign, (Mode.PREDICTIVE, 1.0))
        abandoned = sum(brake.answers)
        if brake.in_a_row >= IN_A_ROW:
            return "row"
        if mode is Mode.PROGRESSIVE and abandoned > max(ONE_MISHAP, ceiling * len(brake.answers)):
            return "share"
        return ""

    # --- what outlives the process

    def to_states(self) -> dict[str, dict[str, Any]]:
        """Plain data by key."""
        return {f"brake:{id_}": _plain(brake) for id_, brake in self._of.items()}

    def load(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """As `to_states`; what is not there is as at the beginning."""
        for key, state in states.items():
            kind, _, number = key.partition(":")
            if kind == "brake":
                self._of[CampaignId(int(number))] = _brake(state)


def _plain(brake: Brake) -> dict[str, Any]:
    return {
        "in_a_row": brake.in_a_row,
        "answers": "".join("a" if abandoned else "t" for abandoned in brake.answers),
        "why": brake.why,
        "figures": list(brake.figures),
        "opens_at": brake.opens_at.isoformat() if brake.opens_at else "",
        "pause_s": brake.pause.total_seconds(),
        "released_at": brake.released_at.isoformat() if brake.released_at else "",
    }


def _brake(state: Mapping[str, Any]) -> Brake:
    abandoned, answers = state["figures"]
    return Brake(
        in_a_row=state["in_a_row"],
        answers=deque((letter == "a" for letter in state["answers"]), maxlen=LAST_ANSWERS),
        why=state["why"],
        figures=(abandoned, answers),
        opens_at=_instant(state["opens_at"]),
        pause=timedelta(seconds=state["pause_s"]),
        released_at=_instant(state["released_at"]),
    )


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
