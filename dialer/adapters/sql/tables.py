"""Every table and index, and the column types that make SQLite and PostgreSQL agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant: timestamptz on PostgreSQL, microseconds since 1970 on SQLite: exact, in order."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value if dialect.name == "postgresql" else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value if dialect.name == "postgresql" else EPOCH + value * MICROSECOND
        return moment.astimezone(UTC)


# bytewise order: paging by id must not skip dashes, as PostgreSQL's languages do
Words = Text().with_variant(Text(collation="C"), "postgresql")
BigId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite gives ids by itself to INTEGER keys only

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Words, nullable=False, unique=True),
    Column("status", Words, nullable=False),
    Column("body", JSON, nullable=False),  # the whole campaign, but for its status
    sqlite_autoincrement=True,
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Words, primary_key=True),
    Column("body", JSON, nullable=False),
)

trunks = Table(
    "trunks",
    metadata,
    Column("id", Words, primary_key=True),
    Column("body", JSON, nullable=False),
)

site = Table(
    "site",  # what is set once for all campaigns
    metadata,
    Column("id", Words, primary_key=True),  # pauses
    Column("body", JSON, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("sha256", Words, nullable=False, unique=True),  # one look-up per request
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    Column("expires_at", Instant),
    # one token in force per name
    Index("ux_tokens_name", "name", unique=True, sqlite_where=text("revoked_at IS NULL"),
          postgresql_where=text("revoked_at IS NULL")),
    sqlite_autoincrement=True,
)  # fmt: skip

pin_guesses = Table(
    "pin_guesses",
    metadata,
    Column("key", Words, primary_key=True),  # operator:101 or phone:101
    Column("wrong", Integer, nullable=False),
    Column("locks", Integer, nullable=False),
    Column("locked_until_at", Instant),
    Column("last_at", Instant),
)

requests = Table(
    "requests",  # that bring a key: each is done once
    metadata,
    Column("token", BigId, primary_key=True, autoincrement=False),
    Column("key", Words, primary_key=True),
    Column("asked", Words, nullable=False),  # fingerprint of address and body
    Column("holder", Words, nullable=False),  # the attempt that works on it, or that has answered
    Column("until_at", Instant, nullable=False),  # end of the lease, then of the answer's time
    Column("status", Integer),  # of the answer; NULL: under way
    Column("media_type", Words, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_requests_until_at", "until_at"),  # what ran out
)

imports = Table(
    "imports",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("campaign", BigId, ForeignKey("campaigns.id"), nullable=False, index=True),  # list of a campaign's
    Column("file_name", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("leads", Integer, nullable=False),
    Column("stage", Words, nullable=False, server_default="here"),  # see hidden.py
    Column("until_at", Instant),  # of one that is under way: when it is given up, if nobody is heard of it
    Column("hidden", JSON, nullable=False, server_default="[]"),  # pairs: ids of its leads, both ends within
    # those that are not through: asked for with every lease
    Index("ix_imports_open", "campaign",
          sqlite_where=text("stage IN ('coming', 'going')"),
          postgresql_where=text("stage IN ('coming', 'going')")),
    sqlite_autoincrement=True,  # the id of an undone import is not given again
)  # fmt: skip

import_changes = Table(
    "import_changes",  # what an import makes, or has made, of leads that were there
    metadata,
    Column("import_id", BigId, ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True),
    Column("n", BigInteger, primary_key=True, autoincrement=False),  # in the order of the file
    Column("lead", BigId, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    sqlite_with_rowid=False,
)

zone_sets = Table(
    "zone_sets",  # what `leads.zone_set` is the number of; a set never changes, and none is removed
    metadata,
    Column("id", BigId, primary_key=True),
    Column("names", Words, nullable=False, unique=True),  # a list of IANA names as JSON
    sqlite_autoincrement=True,
)

leads = Table(
    "leads",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("campaign", BigId, ForeignKey("campaigns.id"), nullable=False),
    Column("import_id", BigId, ForeignKey("imports.id"), nullable=False, index=True),  # undo
    Column("number_index", Integer, nullable=False),
    Column("status", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("tried", JSON, nullable=False),
    Column("dead", JSON, nullable=False),
    Column("next_at", Instant),
    Column("last_at", Instant),
    Column("last_outcome", Words),
    Column("priority", Integer, nullable=False),
    Column("cell", Words),  # of the lease
    Column("leased_until_at", Instant),
    Column("zones", JSON, nullable=False),
    Column("name", Words, nullable=False),
    Column("company", Words, nullable=False),
    Column("inn", Words, nullable=False),
    Column("email", Words, nullable=False),
    Column("extra", JSON, nullable=False),
    Column("ref", Words, nullable=False),
    Column("promised_at", Instant),
    Column("zone_set", BigId),  # NULL: the names stand in `zones`
    # callbacks that people asked for: leased before anything else
    Index("ix_leads_promised", "campaign", "next_at", "id",
          sqlite_where=text("status = 'retry' AND promised_at IS NOT NULL"),
          postgresql_where=text("status = 'retry' AND promised_at IS NOT NULL")),
    # the lease of new leads: read in this order, stops after n; lists that are paused are stepped over
    Index("ix_leads_new", "campaign", text("priority DESC"), "import_id", "id",
          sqlite_where=text("status = 'new'"), postgresql_where=text("status = 'new'")),
    # the lease of retries, how many are due, and when the next one is: priority by priority, see due.py
    Index("ix_leads_due", "campaign", text("priority DESC"), "next_at", "id", "import_id",
          sqlite_where=text("status = 'retry'"), postgresql_where=text("status = 'retry'")),
    # leases that have run out, and those of one cell
    Index("ix_leads_leased", "leased_until_at",
          sqlite_where=text("status = 'leased'"), postgresql_where=text("status = 'leased'")),
    # counts by status, and a page of one status
    Index("ix_leads_status", "campaign", "status", "id"),
    # a page of a campaign's list
    Index("ix_leads_list", "campaign", "id"),
    sqlite_autoincrement=True,  # an undone lead's id may stand in a journal: it is not given again
)  # fmt: skip

lead_counts = Table(
    "lead_counts",  # kept by triggers: v0004_counts_of_leads.py; the sum over the rows of a status counts
    metadata,
    Column("id", BigId, primary_key=True),
    Column("campaign", BigId, nullable=False),
    Column("status", Words, nullable=False),
    Column("n", BigInteger, nullable=False),
    Index("ix_lead_counts_campaign_status", "campaign", "status"),
)

lead_numbers = Table(
    "lead_numbers",
    metadata,
    Column("lead", BigId, ForeignKey("leads.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("campaign", BigId, nullable=False),
    Column("number", Words, nullable=False),
    Column("extension", Words, nullable=False, server_default=""),
    # not 0: the number was there twice before that was impossible
    Column("twin", BigInteger, nullable=False, server_default="0"),
    # each number once in a campaign; leads by number
    Index("uq_lead_numbers_number", "campaign", "number", "extension", "twin", unique=True),
    sqlite_with_rowid=False,
)

dnc = Table(
    "dnc",
    metadata,
    Column("entry", Words, primary_key=True),  # a number, or a prefix ending in *
    Column("campaign", BigId, primary_key=True, autoincrement=False),  # 0: every campaign
    Column("source", Words, primary_key=True, server_default=""),  # '': a person asked for it
    Column("reason", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("by", Words, nullable=False, server_default=""),
    Column("until_at", Instant),
    Column("seen_at", Instant),  # when its source named it last
    # pages of a campaign, which may have few of very many; no way to the others, for whoever asks by entry
    Index("ix_dnc_campaign", "campaign", "entry", "source",
          sqlite_where=text("campaign > 0"), postgresql_where=text("campaign > 0")),
    # pages and sums of a source, without a look at the table
    Index("ix_dnc_source", "source", "entry", "campaign", "seen_at", "until_at"),
    sqlite_with_rowid=False,
)  # fmt: skip

# Facts refer to campaigns, leads and operators without foreign keys: a fact is taken whatever became of them.
cdrs = Table(
    "cdrs",
    metadata,
    Column("id", Words, primary_key=True),
    Column("cell", Words, nullable=False),
    Column("campaign", BigId, nullable=False),
    Column("lead", BigId),
    Column("direction", Words, nullable=False),
    Column("number", Words, nullable=False),
    Column("trunk", Words, nullable=False),
    Column("attempt_no", Integer, nullable=False),
    Column("dialled_at", Instant, nullable=False),
    Column("ring_at", Instant),
    Column("answer_at", Instant),
    Column("bridge_at", Instant),
    Column("message_at", Instant),
    Column("end_at", Instant, nullable=False),
    Column("setup_s", Float),
    Column("ring_s", Float),
    Column("wait_s", Float),
    Column("talk_s", Float, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("alerting", Words, nullable=False),
    Column("cause", Integer),
    Column("sip_code", Integer),
    Column("ended_by", Words),
    Column("operator", Words),
    Column("recording", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("caller_id", Words, nullable=False, server_default=""),
    Column("estimated", Boolean, nullable=False),
    Column("day", Words, nullable=False),  # UTC, of dialled_at: an older version beside us folds by it
    Column("duration_us", BigInteger, nullable=False),  # whole microseconds: sums are exact in any order
    Column("talk_us", BigInteger, nullable=False),
    Index("ix_cdrs_dialled_at", "dialled_at"),  # the fold over a span of days
    # answers by hour: the index alone is read
    Index("ix_cdrs_answer_at", "answer_at", "campaign", "direction", "outcome",
          sqlite_where=text("answer_at IS NOT NULL"), postgresql_where=text("answer_at IS NOT NULL")),
    Index("ix_cdrs_campaign", "campaign", "id"),  # pages of a campaign
    Index("ix_cdrs_operator", "operator", "id"),  # pages of an operator
    Index("ix_cdrs_lead", "lead", "id"),  # history of a lead; whether an import was dialled
    Index("ix_cdrs_number", "number", "end_at"),  # rest time of a number; its last operator
)  # fmt: skip

cells = Table(
    "cells",
    metadata,
    Column("cell", Words, primary_key=True),
    Column("holder", Words, nullable=False),  # id of a service's life; '': it was given back in good order
    Column("host", Words, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since_at", Instant, nullable=False),
    Column("until_at", Instant, nullable=False),
    Column("before", Words, nullable=False),  # who had it when this one took it
)

side_calls = Table(
    "side_calls",  # of no campaign: tests, operators' outside phones
    metadata,
    Column("id", Words, primary_key=True),
    Column("cell", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("trunk", Words, nullable=False),  # '': a phone that is registered here
    Column("number", Words, nullable=False),
    Column("who", Words, nullable=False),
    Column("begun_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),  # so far, while it is not over
    Column("answer_at", Instant),
    Column("outcome", Words, nullable=False),
    Column("cause", Integer),
    Column("sip_code", Integer),
    Column("is_over", Boolean, nullable=False),
    Index("ix_side_calls_begun_at", "begun_at", "id"),  # the newest ones
    Index("ix_side_calls_end_at", "end_at"),  # what trunks have used within a day
)

learned = Table(
    "learned",  # by pacing
    metadata,
    Column("id", Words, primary_key=True),  # campaign:3, trunk:main, product
    Column("body", JSON, nullable=False),
    Column("at", Instant, nullable=False),
)

undialled = Table(
    "undialled",  # closed calls without a record, so that telling one twice changes nothing
    metadata,
    Column("call", Words, primary_key=True),
)

wrap_ups = Table(
    "wrap_ups",
    metadata,
    Column("call", Words, primary_key=True),
    Column("operator", Words, nullable=False),
    Column("wrap_up_s", Float, nullable=False),
    Column("disposition", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("moved_lead", Boolean, nullable=False),
)

remarks = Table(
    "remarks",  # what operators say of calls, kept at once
    metadata,
    Column("call", Words, primary_key=True),
    Column("operator", Words, nullable=False),
    Column("disposition", Words),
    Column("callback_at", Instant),  # with the disposition
    Column("said_at", Instant),  # the disposition
    Column("note", Words),
    Column("noted_at", Instant),  # the note
)

recordings = Table(
    "recordings",
    metadata,
    Column("call", Words, primary_key=True),
    Column("file", Words, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", Instant, nullable=False),
)

state_changes = Table(
    "state_changes",
    metadata,
    Column("n", BigId, primary_key=True),  # order of those that have the same instant
    Column("operator", Words, nullable=False),
    Column("was", Words, nullable=False),
    Column("became", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("call", Words, nullable=False),  # '': none, so that the unique index holds
    Column("campaign", BigId),
    # hours worked of an operator over a span; the same change is kept once
    Index("ux_state_changes", "operator", "at", "was", "became", "reason", "call", unique=True),
    Index("ix_state_changes_at", "at"),  # hours worked of all over a span
)
