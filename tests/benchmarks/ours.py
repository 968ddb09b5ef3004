"""The yardstick's campaign by recmail: a new project made by its commands, then each stage by its functions.

Run by naive.py in a process of its own: `python ours.py JOB.json RESULT.json`.

The stages are timed one after the other, each on everybody, by the functions that planning and sending call.
That leaves out what the afternoon version does not have (freezing, hashes, ledger, claims, intents),
so the commands `plan`, `approve` and `send` are timed too, from start to end: "the program as run".
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from measured import PICKS, POPULAR, Job, Measured
from receiver import HOST

from recmail.db.connect import reading
from recmail.db.eligibility import Eligibility, skip_reasons
from recmail.db.runs import find_run
from recmail.db.tables import users
from recmail.deliver.esp import open_provider
from recmail.history.reading import last_user_no, read_shard
from recmail.pipeline import Facts, choose
from recmail.records import SHARD_SIZE, Outgoing, Shard
from recmail.render.bundle import TemplateBundle
from recmail.render.email import Email, Renderer
from recmail.render.frozen import freeze_people
from recmail.render.mime import MessageHeaders, build_mime
from recmail.runs.facts import read_facts
from recmail.runs.message import Links, RunWriter, links_for
from recmail.runs.project import Project, open_project
from recmail.segment import audience_query

CAMPAIGN = f"""\
subject: "{{{{ user.first_name or 'Hello' }}}}, {{{{ courses|length }}}} courses picked for you"
provider: loopback
audience: last_seen within 1h
blocks:
  - top_picks: {{title: Picked for you, show: {PICKS}}}
  - popular: {{title: Popular now, show: {POPULAR}}}
"""
PROVIDER = """
[provider.loopback]
type = "smtp"
host = "{host}"
port = {port}
tls = "none"
"""


class Commands:
    """The commands of one project, each in a process of its own as a person would start it."""

    def __init__(self, folder: Path, now: str) -> None:
        self._folder, self._now = folder, now

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command at the campaign's time and return the JSON document that it prints."""
        options = ["--project", str(self._folder), "--json", "--now", self._now]
        command = [sys.executable, "-m", "recmail", *arguments, *options]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr[-4000:]
            raise SystemExit(f"recmail {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document


@dataclass(frozen=True)
class Person:
    """One person of the audience, with what planning froze for them and where their links lead."""

    user_no: int
    user_id: str
    email: str
    frozen: Mapping[str, Any]
    links: Links


def make_project(job: Job, measured: Measured) -> Commands:
    """Make a project with a provider on loopback and the campaign; import and train."""
    folder = job.path / "project"
    subprocess.run([sys.executable, "-m", "recmail", "init", str(folder)], check=True, capture_output=True)
    with (folder / "recmail.toml").open("a", encoding="utf-8") as settings:
        settings.write(PROVIDER.format(host=HOST, port=job.port))
    (folder / "campaigns" / "yardstick.yaml").write_text(CAMPAIGN, encoding="utf-8")
    commands = Commands(folder, job.now)
    for kind in ("courses", "users", "interactions"):
        commands.run("import", kind, str(job.path / f"{kind}.csv"))
    with measured.measure("fit"):
        commands.run("train")
    return commands


def read_histories(project: Project, now: datetime) -> tuple[Facts, list[Shard]]:
    """Return what planning reads: catalogue, model, and those of each shard who may be mailed."""
    with reading(project.engine) as connection:
        facts = read_facts(connection, project, project.campaign("yardstick"), now)
        shards = []
        for low in range(0, last_user_no(connection) + 1, SHARD_SIZE):
            high = low + SHARD_SIZE
            audience = audience_query(facts.segment, low, high)
            rules = Eligibility(facts.segment.where, facts.campaign.topic, now, cap=facts.cap.cap)
            reasons = skip_reasons(connection, audience, rules)
            mailable = np.array(
                [user_no for user_no, reason in reasons.items() if reason is None], dtype=np.int64
            )
            size = {
                "courses": len(facts.catalogue),
                "now": now,
                "grades": facts.grades,
                "language": facts.language,
            }
            shards.append(read_shard(connection, low, high, only=mailable, **size))
    return facts, shards


def score_and_select(facts: Facts, shards: Sequence[Shard]) -> dict[int, Mapping[str, Any]]:
    """Return what everybody is shown, with reasons, as planning freezes it."""
    frozen: dict[int, Mapping[str, Any]] = {}
    for shard in shards:
        slate = choose(shard, facts)
        people = zip(
            shard.people["user_no"].tolist(),
            freeze_people(slate.slots, shard.people, shard.pairs),
            slate.enough,
            strict=True,
        )
        frozen |= {user_no: context for user_no, context, enough in people if enough}
    return frozen


def read_people(project: Project, run_no: int, frozen: Mapping[int, Mapping[str, Any]]) -> list[Person]:
    """Return the audience with addresses and links."""
    query = sa.select(users.c.user_no, users.c.user_id, users.c.email)
    with reading(project.engine) as connection:
        rows = [row for row in connection.execute(query) if row.user_no in frozen]
    return [Person(*row, frozen[row.user_no], links_for(project, run_no, row.user_no)) for row in rows]


def render(
    run: Mapping[str, Any], people: Sequence[Person], contexts: Sequence[Mapping[str, Any]], *, inline: bool
) -> list[Email]:
    """Compile the templates of a run and render everybody's email, with or without inlined styles."""
    bundle = TemplateBundle.from_json(run["template_bundle"])
    subject = CAMPAIGN.partition('"')[2].partition('"')[0]
    renderer = Renderer(bundle, template="weekly", subject=subject, preheader=None, inline=inline)
    pairs = zip(people, contexts, strict=True)
    return [renderer.render(context, user_id=person.user_id) for person, context in pairs]


def message(run: Mapping[str, Any], writer: RunWriter, person: Person, email: Email) -> Outgoing:
    """Put an email into its envelope, with the headers that sending gives it."""
    name, address = parseaddr(writer.sender)
    domain = address.rpartition("@")[2]
    headers = MessageHeaders(
        from_=(name, address),
        to=(str(person.frozen["user"]["first_name"] or ""), person.email),
        date=run["due_instant"],
        message_id=f"{run['run_no']}.{person.user_no}@{domain}",
        list_id=f"course-tips.{domain}",
        unsubscribe_url=person.links.unsubscribe,
        feedback_id=f"{run['run_no']}:yardstick:recmail",
    )
    mime = build_mime(email, headers=headers)
    return Outgoing(address, person.email, mime, headers.message_id, email.subject)


def measure_stages(project: Project, job: Job, run_no: int, measured: Measured) -> None:
    """Take everybody through each stage, up to and including the mail server."""
    with measured.measure("read"):
        facts, shards = read_histories(project, datetime.fromisoformat(job.now))
    with measured.measure("score + select"):
        frozen = score_and_select(facts, shards)
    with reading(project.engine) as connection:
        run = find_run(connection, run_no)
    people, writer = read_people(project, run_no, frozen), RunWriter(project, run)
    with measured.measure("render"):
        contexts = [writer.context(person.frozen, person.links) for person in people]
        render(run, people, contexts, inline=False)
    # What inlining costs is what rendering takes longer with it, however and whenever it is done.
    without = Measured()
    with without.measure("inline"):
        render(run, people, contexts, inline=False)
    with measured.measure("inline"):
        emails = render(run, people, contexts, inline=True)
    measured.seconds["inline"] -= without.seconds["inline"]
    measured.cpu_s -= without.cpu_s
    with measured.measure("MIME"):
        pairs = zip(people, emails, strict=True)
        messages = [message(run, writer, person, email) for person, email in pairs]
    with measured.measure("send"):
        connection = open_provider("loopback", project.settings).connect()
        for outgoing in messages:
            connection.send(outgoing)
        connection.close()
    measured.messages = len(messages)
    measured.html_bytes = sum(len(email.html.encode()) for email in emails)


def main() -> None:
    """Plan by the command, measure the stages on that plan, then send it by the command."""
    job, measured = Job.read(Path(sys.argv[1])), Measured()
    commands = make_project(job, measured)
    start = time.perf_counter()
    run_no = commands.run("plan", "yardstick")["run"]
    commands.run("approve", str(run_no))
    planned = time.perf_counter() - start
    measure_stages(open_project(job.path / "project"), job, run_no, measured)
    start = time.perf_counter()
    commands.run("send", str(run_no), "--yes", "--expect", str(measured.messages))
    measured.program_s = planned + time.perf_counter() - start
    measured.handed_over = 2 * measured.messages
    measured.write(Path(sys.argv[2]))


if __name__ == "__main__":
    main()
