"""What one decision may still give out: operators, trunk lines and leads, each of them once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from dialer.domain.call import State as CallState
from dialer.domain.campaign import Campaign
from dialer.domain.lead import Lead
from dialer.domain.numbers import may_carry
from dialer.domain.operators import State
from dialer.domain.pacing.decision import CallView, Dial, OperatorView, Snapshot, TrunkView
from dialer.domain.said import Said, counted, listed, said, word
from dialer.domain.types import CampaignId, OperatorId, PhoneNumber, TrunkId

# Tuples, likeliest first: to find a state in one costs no hash, and every decision asks it of every call.
UNANSWERED = (CallState.RINGING, CallState.ORIGINATING, CallState.LEASED)
WAITING = (CallState.ANSWERED, CallState.HELD_BACK)
AT_WORK = tuple(state for state in State if state is not State.OFFLINE)
ENDED = CallState.ENDED
NEVER = datetime.max.replace(tzinfo=UTC)


class Supply:
    """Counts down while the campaigns take their turns; lives as long as one decision."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        # By campaign, and no operator is reserved for them.
        self.on_their_way: defaultdict[CampaignId, list[CallView]] = defaultdict(list)
        self.in_wait: list[CallView] = []  # people who answered and have no operator yet
        self._in_use: defaultdict[CampaignId, int] = defaultdict(int)
        busy: set[OperatorId] = set()
        in_use, on_their_way = self._in_use, self.on_their_way
        for call in snapshot.calls:
            state = call.state
            if state is not ENDED:
                in_use[call.campaign] += 1
            if call.operator is not None:
                busy.add(call.operator)
            elif state in UNANSWERED and not call.hanging_up:
                on_their_way[call.campaign].append(call)
            elif state in WAITING:
                self.in_wait.append(call)
        free = [
            view
            for view in snapshot.operators
            if (view.free or view.summonable) and not view.leaving and view.id not in busy
        ]
        self._free = {view.id: view for view in sorted(free, key=_longest_ready)}
        self._by_share = list(self._free)  # longest ready first among equals
        if len(snapshot.campaigns) > 1:
            self._by_share.sort(key=self._share)
        self._dialled: defaultdict[TrunkId, int] = defaultdict(int)  # of the lines, and the calls per second
        self._leads: dict[CampaignId, list[Lead]] = {}
        self._chosen: tuple[Lead, TrunkId] | None = None  # by the last question for an obstacle
        self._numbers: set[PhoneNumber | None] = {call.number for call in snapshot.calls}
        self._keep_for_strangers()
        self._at_first = list(self._free.values())

    # --- operators ---

    def free(self, campaign: Campaign) -> list[OperatorView]:
        """The campaign's operators not yet given out, longest ready first."""
        return [view for id_, view in self._free.items() if id_ in campaign.operators]

    def free_at_first(self, campaign: Campaign) -> int:
        """Of the campaign's operators: how many were free, phone up, before anything was given out."""
        return sum(view.free and view.id in campaign.operators for view in self._at_first)

    def least_shared(self, campaign: Campaign) -> OperatorView | None:
        """The one that the fewest campaigns could use, so that the others keep theirs."""
        for id_ in self._by_share:
            if id_ in self._free and id_ in campaign.operators:
                return self._free[id_]
        return None

    def _share(self, operator: OperatorId) -> int:
        return sum(operator in campaign.operators for campaign in self._snapshot.campaigns)

    def take(self, operator: OperatorId) -> None:
        """From now on nobody else is given this operator."""
        del self._free[operator]

    def keep(self, campaign: Campaign, n: int) -> None:
        """Give n operators, as far as there are any, to calls of the campaign that will need them."""
        if n <= 0:
            return
        self._by_share = [id_ for id_ in self._by_share if id_ in self._free]
        for id_ in self._by_share:
            if id_ in campaign.operators:
                self.take(id_)
                n -= 1
                if not n:
                    return

    def in_use(self, campaign: CampaignId) -> int:
        """Calls of the campaign that are not over, those just decided included."""
        return self._in_use[campaign]

    def promise(self, campaign: Campaign) -> None:
        """A line that the campaign will dial at its own time counts as one of its calls."""
        self._in_use[campaign.id] += 1

    def keep_for_calls(self, campaign: Campaign) -> None:
        """One operator for each call of the campaign that will need one."""
        if self._free:
            self.keep(campaign, self.unanswered(campaign.id) + self.waiting(campaign.id))

    def _keep_for_strangers(self) -> None:
        """Calls of campaigns that this snapshot does not name may be answered too: one operator each."""
        if self._free:
            known = {campaign.id for campaign in self._snapshot.campaigns}
            strange = sum(len(calls) for id_, calls in self.on_their_way.items() if id_ not in known)
            strange += sum(call.campaign not in known for call in self.in_wait)
            for operator in list(self._free)[:strange]:
                self.take(operator)

    # --- calls ---

    def lines_by_weight(self, campaign: Campaign) -> tuple[float, CampaignId]:
        """Calls of the campaign that are not over, those just decided included; equals by number."""
        return self._in_use[campaign.id] / campaign.weight, campaign.id

    def unanswered(self, campaign: CampaignId) -> int:
        """Calls on their way that no operator is reserved for."""
        return len(self.on_their_way[campaign])

    def waiting(self, campaign: CampaignId) -> int:
        """People who answered and have no operator yet."""
        return sum(call.campaign == campaign for call in self.in_wait)

    # --- lines and leads ---

    def obstacle(self, campaign: Campaign) -> str:
        """Why no further line can be dialled, operators apart; empty: one can."""
        if campaign.cap and self._in_use[campaign.id] >= campaign.cap:
            return counted(
                "the campaign's cap of {n} call in flight is reached",
                "the campaign's cap of {n} calls in flight is reached",
                campaign.cap,
            )
        if not campaign.trunks:
            return said("the campaign has no trunk")
        open_ = self._with_room(campaign)
        if not open_:
            return listed((self._why_full(trunk) for trunk in campaign.trunks), "; ")
        if not self._leads_of(campaign.id):
            return said("no lead is due")
        self._chosen = self._choose(campaign, open_)
        if self._chosen is None:
            return said("no lead at hand fits a trunk that has a free line")
        return ""

    def rank(self, campaign: CampaignId, key: Callable[[Lead], float]) -> None:
        """The campaign's leads at hand, least first, from now on; those that waited too long before all."""
        leads, overdue = self._leads_of(campaign), self._snapshot.overdue.get(campaign, 0)
        leads[overdue:] = sorted(leads[overdue:], key=key)

    def dial(self, campaign: Campaign, operator: OperatorId | None = None) -> Dial:
        """Give out the next lead and a line for it; `obstacle` was asked just before."""
        if self._chosen is None:
            raise LookupError(campaign.id)
        (lead, trunk), self._chosen = self._chosen, None
        self._leads_of(campaign.id).remove(lead)
        self._numbers.add(lead.number)
        self._dialled[trunk] += 1
        self._in_use[campaign.id] += 1
        return Dial(lead, campaign.id, trunk, operator)

    def _choose(self, campaign: Campaign, open_: Sequence[TrunkView]) -> tuple[Lead, TrunkId] | None:
        """A number that no trunk may dial goes to the first one: the gate refuses it with a reason."""
        for lead in self._leads_of(campaign.id):
            if lead.number in self._numbers:  # on another list too, and in flight for that one
                continue
            for trunk in open_:
                if may_carry(trunk.prefixes, lead.number):
                    return lead, trunk.id
            if not any(may_carry(trunk.prefixes, lead.number) for trunk in self._trunks_of(campaign)):
                return lead, open_[0].id
        return None

    def _leads_of(self, campaign: CampaignId) -> list[Lead]:
        if campaign not in self._leads:
            self._leads[campaign] = list(self._snapshot.candidates.get(campaign, ()))
        return self._leads[campaign]

    def _with_room(self, campaign: Campaign) -> list[TrunkView]:
        views, dialled = self._snapshot.trunks, self._dialled
        return [
            view
            for id_ in campaign.trunks
            if (view := views.get(id_)) and view.usable and view.lines_free > dialled[id_] < view.calls_now
        ]

    def _trunks_of(self, campaign: Campaign) -> list[TrunkView]:
        return [view for id_ in campaign.trunks if (view := self._snapshot.trunks.get(id_))]

    def _why_full(self, trunk: TrunkId) -> str:
        view = self._snapshot.trunks.get(trunk)
        if view is None:
            return said("trunk {trunk} does not exist", trunk=trunk)
        if not view.usable:
            return view.why or said("trunk {trunk} is out of use", trunk=trunk)
        if view.lines_free <= self._dialled[trunk]:
            return said("trunk {trunk} has no free line", trunk=trunk)
        return said("trunk {trunk} has used up its calls per second", trunk=trunk)

    # --- words ---

    def nobody(self, campaign: Campaign) -> str:
        """Why there is no operator for a further line, with figures."""
        if not campaign.operators:
            return said("the campaign has no operators")
        team = [view for view in self._snapshot.operators if view.id in campaign.operators]
        at = [view.state for view in team]
        states: dict[State, int] = {state: n for state in AT_WORK if (n := at.count(state))}
        if not states:
            return counted(
                "nobody is logged in (of {n} operator)",
                "nobody is logged in (of {n} operators)",
                len(campaign.operators),
            )
        figures = tallied(states)
        if leaving := sum(view.leaving for view in team):
            figures = listed([figures, said("{n} leaving", n=leaving)])
        if State.READY not in states:
            return said("nobody is ready ({figures})", figures=figures)
        if not any((view.free or view.summonable) and not view.leaving for view in team):
            return said("nobody's phone is up ({figures})", figures=figures)
        return said(
            "every free operator is taken or kept for calls on their way ({figures})", figures=figures
        )


def tallied(states: Mapping[State, int]) -> Said:
    """`1 ready, 2 talking`."""
    return _tallied(tuple((state, states[state]) for state in State if states.get(state)))


@lru_cache(maxsize=4096)  # a floor comes back to the same figures all the time
def _tallied(states: tuple[tuple[State, int], ...]) -> Said:
    return listed(said("{n} {state}", n=n, state=word(state, "-")) for state, n in states)


def _longest_ready(view: OperatorView) -> tuple[datetime, str]:
    return (view.ready_since_at or NEVER, view.id)
