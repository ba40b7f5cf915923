"""Which operator works at which phone: one phone, one operator; and whether Asterisk has a way to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from dialer.domain import shifts
from dialer.domain.errors import BadValue, Conflict
from dialer.domain.operators import Account, Operator, State, phone_of, with_phone
from dialer.domain.said import said
from dialer.domain.types import OperatorId, PhoneKind, TrunkId
from dialer.engine.contacts import Way


class Desks:
    """Reads the floor's operators; `look` whenever somebody has another phone."""

    def __init__(self, operators: Mapping[OperatorId, Operator]) -> None:
        self._operators = operators
        self._accounts: Mapping[OperatorId, Account] = {}
        self._ways: dict[str, Way] = {}  # to each phone of which Asterisk said something
        self.outside: dict[OperatorId, TrunkId] = {}  # whose phone takes a line of which trunk

    def load(self, accounts: Mapping[OperatorId, Account]) -> None:
        self._accounts = accounts
        self.look()

    def look(self) -> None:
        """Who works at which phone has changed."""
        working = [(its, self._operators[its.id]) for its in self._accounts.values()]
        self.outside = {its.id: its.trunk for its, operator in working if its.trunk and not operator.desk}

    def of(self, operator: Operator) -> str:
        """The phone of this operator; empty for an outside number."""
        account = self._accounts.get(operator.id)
        return phone_of(operator, account) if account is not None else operator.desk

    def see(self, phone: str, way: Way) -> list[Operator]:
        """What Asterisk says of a phone; gives who works, or would work, at it."""
        self._ways[phone] = way
        return [operator for operator in self._operators.values() if phone == self.of(operator) != ""]

    def answered(self, operator: Operator) -> None:
        """The phone has taken a call: there is a way to it, whatever was said before."""
        way = self._ways.get(self.of(operator))
        if way is not None and not way.is_reachable:
            self._ways[self.of(operator)] = replace(way, is_reachable=True)

    def seen(self, operator: Operator) -> Operator:
        """With the way to the phone of this operator, as it is now."""
        way = self._ways.get(self.of(operator), Way(is_reachable=True))
        return with_phone(operator, reachable=way.is_reachable, contact=way.contact, ousted=way.ousted)

    def check(self, event: shifts.LoginAsked, account: Account) -> shifts.LoginAsked:
        """The log-in with its desk; BadValue for what is no phone, Conflict names who is there already."""
        own = phone_of(Operator(account.id), account)
        if event.desk and event.desk != own:
            its = self._accounts.get(OperatorId(event.desk))
            if its is None or its.phone is not PhoneKind.SIP:
                raise BadValue(
                    said("{desk!r} is no phone: give the number of one that registers here", desk=event.desk)
                )
        phone = event.desk or own
        for other in self._operators.values():
            if other.id != account.id and other.state is not State.OFFLINE and phone == self.of(other) != "":
                raise Conflict(
                    said(
                        "operator {other} is at work at phone {phone}: log that operator out first",
                        other=other.id,
                        phone=phone,
                    )
                )
        return replace(event, desk="" if event.desk == own else event.desk)
