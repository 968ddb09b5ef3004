"""The tables, once: the migrations are tested against them, and every query is written with them.

Those of what was learned are in `learned_tables`.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, Text

from recmail.db.types import UtcTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# SQLite only gives a 64-bit rowid alias to a column declared INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")

# --- what we know: people, catalogue, histories -------------------------------------------------

users = sa.Table(
    "users",
    metadata,
    Column("user_no", Key, primary_key=True, autoincrement=False),  # dense, from 0, in import order
    Column("user_id", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_key", Text),  # whole address in lower case, domain in IDNA; for comparing only
    Column("email_hash", Text),  # HMAC-SHA-256 of email_key under [project] key, hex
    Column("first_name", Text),
    Column("last_name", Text),
    Column("language", Text),
    Column("country", Text),
    Column("timezone", Text),
    Column("signed_up_at", UtcTime),
    Column("last_seen_at", UtcTime),
    Column("attributes", JSON),
    Column("source", Text, nullable=False),
    Column("source_row_hash", Text, nullable=False),
    Column("imported_at", UtcTime, nullable=False),
    # Set first, while feedback/erasing.py still needs to know who it was; then everything else goes, and
    # user_id becomes one that nobody has. The row stays, since ledgers count it.
    Column("erased_at", UtcTime),
    Index(None, "email_key"),
    Index(None, "email_hash"),
)

erased_ids = sa.Table(  # by which imports know people who were erased, so that nothing of them comes back
    "erased_ids",
    metadata,
    Column("id_hash", Text, primary_key=True),  # keyed: of a user_id, another id of a source, or an address
    Column("user_no", Key, ForeignKey("users.user_no"), nullable=False, index=True),
)

courses = sa.Table(
    "courses",
    metadata,
    Column("course_no", Key, primary_key=True, autoincrement=False),  # dense, from 0, in import order
    Column("course_id", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("subtitle", Text),
    Column("category", Text),
    Column("level", Text),
    Column("topics", JSON, nullable=False),  # list of str, as are tags and prerequisites
    Column("tags", JSON, nullable=False),
    Column("prerequisites", JSON, nullable=False),
    Column("language", Text),
    Column("price_minor", BigInteger),
    Column("currency", Text),
    Column("published_at", UtcTime),
    Column("closes_at", UtcTime),
    Column("seats", Integer),  # the places a course has, taken ones included; None: no limit
    Column("duration_min", Integer),
    Column("image_url", Text),
    Column("url", Text),
    Column("staff_pick", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_row_hash", Text, nullable=False),
    Column("imported_at", UtcTime, nullable=False),
)

interactions = sa.Table(
    "interactions",
    metadata,
    Column("interaction_no", Key, primary_key=True),
    Column("event_key", Text, nullable=False, unique=True),
    Column("user_no", Key, nullable=False),
    Column("course_no", Key),  # None for searches
    Column("kind", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("value", Float),  # rating 1 to 5, progress 0 to 1
    Column("amount_minor", BigInteger),
    Column("currency", Text),
    Column("seconds", Float),
    Column("query", Text),
    Column("source", Text, nullable=False),
    Index(None, "user_no", "at"),
    Index(None, "course_no", "at"),
)

# --- what people allowed ------------------------------------------------------------------------

consent = sa.Table(  # append-only; the newest row per (user, purpose, topic) wins, a tie is a no
    "consent",
    metadata,
    Column("consent_no", Key, primary_key=True),
    Column("user_no", Key, ForeignKey("users.user_no"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("topic", Text, nullable=False, server_default=""),
    Column("granted", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("channel", Text, nullable=False),
    Column("proof", Text),
    Column("dated", Boolean, nullable=False, server_default=sa.false()),  # `at` is when the person said so
    Index(None, "user_no", "purpose", "at", "granted"),
)

suppressions = sa.Table(
    "suppressions",
    metadata,
    Column("email_hash", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("source", Text, nullable=False),
)

preferences = sa.Table(  # of those who asked for fewer emails than they would get
    "preferences",
    metadata,
    Column("user_no", Key, ForeignKey("users.user_no"), primary_key=True, autoincrement=False),
    Column("paused_until", UtcTime),  # nothing leaves for the address before that
    Column("at_most", Integer),  # so many emails,
    Column("within_days", Integer),  # in so many days: one of db.preferences.PERIODS
    Column("at", UtcTime, nullable=False),
)

# --- what goes out ------------------------------------------------------------------------------

runs = sa.Table(
    "runs",
    metadata,
    Column("run_no", Key, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("due_instant", UtcTime, nullable=False),  # when the first email is due
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("campaign_yaml", Text, nullable=False),
    Column("template_bundle", JSON, nullable=False),
    Column("settings", JSON, nullable=False),  # as planned with: printed {...}, grades, half_life...
    Column("courses", JSON, nullable=False),  # the catalogue as planned with: a list, row i being course_no i
    Column("model_version", Text),
    Column("settings_hash", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("content_hash", Text),
    Column("recmail_version", Text, nullable=False),
    Column("planned_at", UtcTime),
    Column("planned_by", Text),
    Column("approved_at", UtcTime),
    Column("approved_by", Text),
    Column("shelf_until", UtcTime),
    Column("as_of", UtcTime),  # nothing that happened later was known to the plan
    Column("exposure", JSON),  # what limits over the whole audience took from people; None without limits
    Column("priority", Integer, nullable=False, server_default="0"),  # as the frozen campaign says
    sa.UniqueConstraint("campaign", "due_instant"),
    # A row is wide: who asks which runs are open reads this instead.
    Index("ix_runs_open", "state", "priority", "run_no"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    Column("run_no", Key, ForeignKey("runs.run_no"), primary_key=True),
    Column("person", Text, primary_key=True),  # who it was, without their machine
    Column("who", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("content_hash", Text, nullable=False),  # what was signed
    Column("stands_for", Integer, nullable=False, server_default="1"),  # so many people approve by it
)

schedules = sa.Table(  # campaigns that a person told to go out by themselves
    "schedules",
    metadata,
    Column("campaign", Text, primary_key=True),
    Column("is_on", Boolean, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("settled_until", UtcTime, nullable=False),  # what is due until then has a run, or never will
    # What is due after that, as the file said when it could last be read; None: nothing.
    Column("next_due", UtcTime),
    Column("next_prepare", UtcTime),
    Column("next_missed", UtcTime),
    Column("trouble", Text),  # why it cannot be prepared; None when nothing is in the way
    Column("trouble_at", UtcTime),
    Column("tried_at", UtcTime),  # when a preparation that failed was begun
)

leases = sa.Table(  # what one process at a time does, and the processes that are there
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", UtcTime, nullable=False),  # by the clock of leases, never by --now
)

run_shards = sa.Table(
    "run_shards",
    metadata,
    Column("run_no", Key, ForeignKey("runs.run_no"), primary_key=True),
    Column("shard", Integer, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("committed_at", UtcTime, nullable=False),
    Column("shortfall", JSON),  # rows of SHORTFALL_COLUMNS; None: the shard is not finished
    Column("findings", JSON),  # what was found in its emails, and by which version; None: nobody looked yet
)

ledger = sa.Table(
    "ledger",
    metadata,
    Column("run_no", Key, ForeignKey("runs.run_no"), primary_key=True),
    Column("user_no", Key, ForeignKey("users.user_no"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("variant", Text),
    Column("due_at", UtcTime, nullable=False),  # frozen with the plan
    Column("next_at", UtcTime, nullable=False),  # the worker's: when to look at this row again
    Column("send_before", UtcTime),
    Column("claim_id", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("intent_at", UtcTime),
    Column("message_id", Text),
    Column("provider_id", Text),
    Column("sent_at", UtcTime),
    Column("last_error", Text),
    Column("row_hash", Text, nullable=False),
    Column("body_sha256", Text),
)

# Literal states: SQLite uses a partial index only when the query repeats its condition to the letter,
# and a bound parameter is not the letter (EXPLAIN QUERY PLAN says SCAN).
PLANNED = sa.text("state = 'planned'")
LEASED = sa.text("state IN ('claimed', 'sending')")
COUNTED = sa.text("state IN ('sending', 'sent', 'unknown')")
# With the run first: a plan that nobody approved yet has the oldest rows, and claims must not read past them.
Index("ix_ledger_due", ledger.c.run_no, ledger.c.next_at, sqlite_where=PLANNED, postgresql_where=PLANNED)
Index("ix_ledger_leases", ledger.c.next_at, sqlite_where=LEASED, postgresql_where=LEASED)
Index("ix_ledger_cap", ledger.c.user_no, ledger.c.intent_at, sqlite_where=COUNTED, postgresql_where=COUNTED)
# What comes back names a message by the provider's id, where it does not by ours.
NAMED = sa.text("provider_id <> ''")
UNCLEAR = sa.text("state = 'unknown'")
Index("ix_ledger_provider_id", ledger.c.provider_id, sqlite_where=NAMED, postgresql_where=NAMED)
Index("ix_ledger_unknown", ledger.c.run_no, ledger.c.user_no, sqlite_where=UNCLEAR, postgresql_where=UNCLEAR)

ledger_context = sa.Table(
    "ledger_context",
    metadata,
    Column("run_no", Key, ForeignKey("runs.run_no"), primary_key=True),
    Column("user_no", Key, ForeignKey("users.user_no"), primary_key=True),
    Column("context", JSON),  # None: a tombstone
    Column("reserves", JSON),
)

ledger_events = sa.Table(  # append-only
    "ledger_events",
    metadata,
    Column("event_no", Key, primary_key=True),
    Column("run_no", Key, nullable=False),
    Column("user_no", Key, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),  # the state that the row came to
    Column("detail", Text),
    Index(None, "run_no", "user_no"),
)

quotas = sa.Table(  # what all workers together have taken of a limit, in slots of time that end by themselves
    "quotas",
    metadata,
    Column("scope", Text, primary_key=True),  # whose limit, and per what: provider relay per day
    Column("slot", BigInteger, primary_key=True),  # which part of the time; deliver/spans.py counts them
    Column("used", BigInteger, nullable=False),
)

# --- what came back, and who did what -----------------------------------------------------------

events = sa.Table(  # feedback from providers, raw kept
    "events",
    metadata,
    Column("event_no", Key, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("event_key", Text, nullable=False, unique=True),  # the provider's name, ":", its id of the event
    Column("kind", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("run_no", Key),  # with user_no, whose message; None while the ledger does not know it, or ever
    Column("user_no", Key),
    Column("email_hash", Text),  # of the address that the message went to, as far as anybody said
    Column("status", Text, nullable=False, server_default=""),  # RFC 3463
    Column("dead", Boolean, nullable=False, server_default=sa.false()),
    Column("by_machine", Boolean, nullable=False, server_default=sa.false()),
    Column("detail", Text, nullable=False, server_default=""),
    Column("message_id", Text),  # what it calls the message, kept only while that is not known here
    Column("provider_id", Text),
    Column("url", Text),  # what was clicked, and where in the email it stood:
    Column("block", Text),
    Column("course_no", Key),
    Column("position", Integer),  # in its block, from 0
    Column("is_fallback", Boolean),  # another block filled up
    Column("raw", Text, nullable=False),
    Index(None, "run_no", "user_no"),
    Index(None, "run_no", "kind"),
)
STRAY = sa.text("coalesce(provider_id, message_id) IS NOT NULL")
Index("ix_events_stray", events.c.received_at, events.c.event_no, sqlite_where=STRAY, postgresql_where=STRAY)

audit = sa.Table(
    "audit",
    metadata,
    Column("audit_no", Key, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("run_no", Key),
    Column("detail", JSON, nullable=False),
)

imports = sa.Table(
    "imports",
    metadata,
    Column("import_no", Key, primary_key=True),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),  # users, courses, interactions, suppressions
    Column("file", Text),
    Column("watermark", Text),
    Column("fingerprint", Text),  # of a file: changes when it does
    Column("started_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime),
    Column("counts", JSON, nullable=False),
    Column("rejects", JSON, nullable=False),  # reason: count
)

aliases = sa.Table(
    "aliases",
    metadata,
    Column("source", Text, primary_key=True),
    Column("other_id", Text, primary_key=True),
    Column("user_no", Key, ForeignKey("users.user_no"), nullable=False),
)

pending_events = sa.Table(  # of people not identified yet
    "pending_events",
    metadata,
    Column("pending_no", Key, primary_key=True),
    Column("event_key", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("other_id", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("payload", JSON, nullable=False),
    Index(None, "source", "other_id"),
)
