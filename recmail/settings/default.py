"""The recmail.toml, key and .gitignore that a new project begins with."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from recmail.errors import RefusedError
from recmail.settings import values
from recmail.settings.loading import FILE_NAME, parse_settings
from recmail.settings.source import SourceText
from recmail.settings.values import Reader

ANSWERS: Mapping[str, Reader] = {
    "name": values.one_line,
    "sender": values.mailbox,
    "postal_address": values.one_line,
    "timezone": values.timezone,
    "currency": values.currency,
}
"""What is asked when a project is made, and what may be answered."""

_IGNORED = (".recmail/key", "recmail.db*", "outbox/", "preview/", "person-*.json", "*.rejects.csv")
"""The key, and what holds people."""

_TEXT = """\
# Settings of this project. Each can also come from an environment variable:
# [project] database from RECMAIL_PROJECT_DATABASE, and so on.
# Passwords and keys are never written here, only where to find them: "env:NAME" or "file:PATH".

[project]
name = {name}
database = {database:<34} # or "env:DATABASE_URL", with postgresql://... in that variable
timezone = {timezone:<34} # of schedules and dates
language = {language:<34} # of the words around the courses
currency = {currency:<34} # of prices that come without one
key = "file:.recmail/key"                     # signs the links in emails: keep a copy, share it with nobody

[sender]
from = {sender}
# Printed below every email; the law asks for it.
postal_address = {postal_address}
# Mail leaves this machine only when people can unsubscribe: at public_url, where `recmail serve --public`
# answers (docs/public.md), or at a page of your own, "https://acme.example/u/{{token}}".
public_url = ""
unsubscribe_url = ""

[limits]
emails_per_person = "2 per 7d"                # over all campaigns; "1 per 7d" suits a weekly one
first_send_at_most = 100                      # raise it when you trust your set-up; files are exempt
test_recipients = []                          # who `recmail preview --to` may write to: ["ana@acme.example"]

[topics]                                      # what people can unsubscribe from, with the words they read
course-tips = "Course tips"

[attributes]                                  # columns of your users that segments may use
# plan = "text"                               # text, number, boolean or date

# Where your data is; `recmail import` brings in what is new. docs/sources.md has all formats.
# [sources.users]
# url = "env:REPLICA_URL"
# sql = "select id as user_id, email, first_name, newsletter as email_consent from accounts"
# [sources.courses]
# file = "data/courses.csv"
# [sources.web]
# format = "segment"                          # or mixpanel, ga4, csv, parquet, sql
# file = "data/segment/**/*.gz"
# course_id = "properties.course_id"
# [sources.web.kinds]
# "Course Viewed" = "viewed"
# "Order Completed" = "enrolled"

[model]                                       # grades: what an interaction is worth; a rating replaces it
scorer = "auto"                               # what ranks by default: auto is what `recmail train` finds best
grades = {{ searched = 0.5, viewed = 1, minute = 0.1, enrolled = 3, progressed = 4, completed = 5 }}
half_life = "180d"                            # after so long an interest counts half
train_every = "7d"                            # how old it may be when a scheduled run is planned

[provider.files]
type = "files"
folder = "outbox"                             # a Maildir, with an index.html of what was sent

# [provider.relay]
# type = "smtp"                               # or another: docs/providers.md
# host = "smtp.acme.example"
# port = 587
# user = "learn"
# password = "env:SMTP_PASSWORD"
# tls = "starttls"                            # or "implicit"
# at_most = ["14 per second", "50000 per day"]    # what the provider takes; docs/pace.md

[delivery]
provider = "files"                            # "relay" sends for real
senders = 2                                   # processes for a large run: one sends what the others write
planners = 2
# approvers = 2                               # so many different people have to approve a run
# quiet_hours = "21:00-08:00"                 # by the clock of who gets it: what comes up then waits
# weekdays = "monday-friday"

# [bounces.returned]                            # where a mail server's bounces arrive; docs/feedback.md
# type = "imap"                               # or "maildir" with its folder
# host = "imap.acme.example"
# user = "bounces"
# password = "env:BOUNCES_PASSWORD"

# [tracking]                                    # of people who agreed to it; docs/tracking.md
# clicks = true
# opens = true                                  # unreliable: many programs fetch pictures by themselves

# [retention]                                   # what is older goes, once a day; docs/privacy.md
# interactions = "3y"
# contexts = "1y"                             # the words of emails of runs that ended
# raw_events = "13 months"
# previews = "30d"

# [brand]                                       # how the templates look; docs/templates.md has all keys
# accent = "#0b6a4e"                            # of buttons; dark_accent is for readers in dark mode
# logo = "https://acme.example/logo.png"        # or a file of this project: "images/logo.png"
# heading_font = "Georgia, Times New Roman, serif"
"""


def write_default(
    folder: Path,
    *,
    name: str,
    sender: str,
    postal_address: str,
    timezone: str = "UTC",
    language: str = "en",
    currency: str = "USD",
    database: str = "sqlite:///recmail.db",
) -> None:
    """Write the settings of a new project, its key (readable by its owner only) and its .gitignore.

    A key that is there stays: links in emails already delivered are signed with it.

    Raises:
        ConfigError: a value is not what recmail.toml may hold; nothing was written.
        RefusedError: the folder has a recmail.toml.
    """
    if (folder / FILE_NAME).exists():
        raise RefusedError(f"{folder} already has a {FILE_NAME}")
    answers = {
        "name": name,
        "sender": sender,
        "postal_address": postal_address,
        "timezone": timezone,
        "language": language,
        "currency": currency,
        "database": database,
    }
    text = _TEXT.format(**{key: _quoted(value) for key, value in answers.items()})
    parse_settings(SourceText(FILE_NAME, text), folder.resolve(), flags={})
    folder.mkdir(parents=True, exist_ok=True)
    _write_key(folder / ".recmail" / "key")
    _ignore(folder / ".gitignore")
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def _quoted(value: str) -> str:
    """Return a TOML string; JSON's differ only in leaving DEL as it is, which the check then refuses."""
    return json.dumps(value, ensure_ascii=False)


def _write_key(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(32) + "\n")


def _ignore(path: Path) -> None:
    """Keep the key and what holds people out of git, without losing what the file already says."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    missing = [pattern for pattern in _IGNORED if pattern not in before.splitlines()]
    if missing:
        separator = "" if not before or before.endswith("\n") else "\n"
        path.write_text(f"{before}{separator}{chr(10).join(missing)}\n", encoding="utf-8")
