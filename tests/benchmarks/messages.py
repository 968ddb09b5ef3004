"""What a message costs from its context to its bytes, beside bare Jinja and the standard library's way.

    python tests/benchmarks/messages.py               # 300 messages of about 35 kB, best of 7 rounds
    python tests/benchmarks/messages.py --courses 30  # larger ones

Both sides print the same template of recmail to the same people, and write the same bodies to messages. Ours
prints the one whose styles were inlined once and takes the safe values, the sandbox, the check of every
address and both parts; theirs is `Environment`, `render` of the shorter page with its styles in <style>, and
`EmailMessage.as_bytes`. CPU time, so that a busy machine matters less; both take turns.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, Environment

from recmail.render import locale
from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.context import printable
from recmail.render.email import Email, Renderer
from recmail.render.format import FILTERS
from recmail.render.mime import MessageHeaders, build_mime
from recmail.settings.sections import default_brand
from tests.render.contexts import block, context, course

TEMPLATES = Path(__file__).parents[2] / "templates"
NAMES = ("Ana Sousa", "李小龍", "Zoë Müller", "प्रिया", "Nguyễn Thị Hoa", "O'Brien & Sons", "שרה", "Bob")
BRAND = asdict(default_brand())
SUBJECT = "{{ user.first_name or 'Hello' }}, {{ courses|length }} courses picked for you"
THEIRS, OURS = "bare Jinja + EmailMessage.as_bytes", "recmail: HTML + text + MIME"
SENT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KINDS = ("sql", "interviews", "pricing", "kannada")


def people(count: int, courses: int, catalogue: int) -> list[dict[str, Any]]:
    """Return the contexts of so many people, each with some courses of a catalogue, and others as reasons."""
    found, dice = [], random.Random(1)
    for number in range(count):
        picks = [
            course(
                KINDS[chosen % len(KINDS)],
                position=at,
                title=f"Interviewing Users Without Leading Them {chosen}",
                reason=f"Because you took Spreadsheets That Do Not Lie {dice.randrange(catalogue)}",
                url=f"https://learn.acme.example/courses/{chosen}?utm_source=recmail&utm_campaign=weekly",
                price_minor=99900 + 1000 * (chosen % 50),
            )
            for at, chosen in enumerate(dice.sample(range(catalogue), courses))
        ]
        user = {
            "first_name": NAMES[number % len(NAMES)],
            "last_name": None,
            "language": "en",
            "country": "IN",
        }
        found.append(context([block("top_picks", picks, title="Picked for you")], user=user))
    return found


def headers(number: int) -> MessageHeaders:
    """Return what stands above one message of a campaign."""
    return MessageHeaders(
        from_=("Acme Courses", "learn@acme.example"),
        to=(NAMES[number % len(NAMES)], f"person{number}@example.org"),
        date=SENT,
        message_id=f"{number:032x}@acme.example",
        reply_to=("", "help@acme.example"),
        list_id="course-tips.acme.example",
        unsubscribe_url=f"https://acme.example/u/{number:032x}",
        feedback_id="1:weekly:recmail",
    )


def by_email_message(email: Email, number: int) -> bytes:
    """Write the same message with the standard library, as its documentation shows."""
    about = headers(number)
    message = EmailMessage(policy=SMTP)
    message["From"] = "Acme Courses <learn@acme.example>"
    message["To"] = f'"{about.to[0]}" <{about.to[1]}>'
    message["Reply-To"] = about.reply_to[1] if about.reply_to else ""
    message["Subject"] = email.subject
    message["Date"] = about.date
    message["Message-ID"] = f"<{about.message_id}>"
    message["List-Id"] = f"<{about.list_id}>"
    message["List-Unsubscribe"] = f"<{about.unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Feedback-ID"] = about.feedback_id
    message.set_content(email.text)
    message.add_alternative(email.html, subtype="html")
    return message.as_bytes()


def cost_us(work: Callable[[int], object], messages: int, rounds: int) -> float:
    """Return microseconds of CPU for each message, in the best of so many rounds."""
    return costs_us({"": work}, messages, rounds)[""]


def costs_us(works: Mapping[str, Callable[[int], object]], messages: int, rounds: int) -> dict[str, float]:
    """Return the same for several works, which take turns: what slows the machine down slows each of them."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            for number in range(messages):
                work(number)
            best[name] = min(best[name], (time.process_time() - start) / messages * 1e6)
    return best


def bare_renderer() -> Callable[[dict[str, Any]], Email]:
    """Return what renders a context with nothing but Jinja."""
    files = branded(load_bundle(TEMPLATES), BRAND).files
    environment = Environment(
        loader=DictLoader(dict(files)),
        autoescape=lambda name: bool(name and name.endswith(".html.j2")),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    html, text = environment.get_template("weekly.html.j2"), environment.get_template("weekly.txt.j2")
    line = environment.from_string(SUBJECT)

    def render(values: dict[str, Any]) -> Email:
        subject = line.render(values)
        more = {**values, "subject": subject, "preheader": None}
        return Email(subject, "", html.render(more), text.render(more))

    return render


def values_by_locale() -> list[tuple[str, float]]:
    """Return what Babel takes for a value of each kind, and what one costs that was written before."""
    work: list[tuple[str, Callable[[int], str]]] = [
        ("a price", lambda number: locale.written_price(99_900 + number, "INR", "en_IN")),
        ("a day", lambda number: locale.written_date(f"{2010 + number}-11-02", "long", "en_IN")),
        ("a duration", lambda number: locale.written_duration(61 + number, "en_IN")),
        ("a number", lambda number: locale.written_number(1_000 + number, "en_IN")),
    ]
    rows = []
    for name, write in work:
        write(999)  # the locale's data is read once
        rows += [(f"{name}, first time", cost_us(write, 200, 1)), (f"{name}, again", cost_us(write, 200, 3))]
    return rows


def report(rows: Sequence[tuple[str, float]], base: float) -> None:
    """Print microseconds, and their ratio to bare Jinja with EmailMessage."""
    for name, taken in rows:
        print(f"{name:<52}{taken:>9.1f} µs{taken / base:>9.3f}")


def main() -> None:
    """Measure both ways on the same people."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--messages", type=int, default=300)
    options.add_argument("--courses", type=int, default=8)
    options.add_argument("--catalogue", type=int, default=2_000, help="courses that there are")
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    contexts = people(chosen.messages, chosen.courses, chosen.catalogue)
    bundle = branded(load_bundle(TEMPLATES), BRAND)
    ours = Renderer(bundle, template="weekly", subject=SUBJECT, preheader=None)
    bare = bare_renderer()
    emails = [ours.render(values, user_id="u") for values in contexts]
    size = sum(len(email.html.encode()) + len(email.text.encode()) for email in emails) / len(emails)
    print(f"{chosen.messages} messages of {size / 1000:.1f} kB, {chosen.courses} courses each\n")

    def ours_whole(number: int) -> bytes:
        return build_mime(ours.render(contexts[number], user_id="u"), headers=headers(number))

    works = {
        THEIRS: lambda number: (bare(contexts[number]), by_email_message(emails[number], number)),
        "  Jinja, HTML and text": lambda number: bare(contexts[number]),
        "  EmailMessage.as_bytes": lambda number: by_email_message(emails[number], number),
        OURS: ours_whole,
        "  safe values": lambda number: printable(contexts[number], user_id="u"),
        "  HTML and text": lambda number: ours.render(contexts[number], user_id="u"),
        "  MIME": lambda number: build_mime(emails[number], headers=headers(number)),
    }
    costs = costs_us(works, chosen.messages, chosen.rounds)
    everything = costs[THEIRS]
    report(list(costs.items()), everything)
    print(f"ours / theirs{'1/':>49}{everything / costs[OURS]:.2f}   (asked: at most 1/5)")
    print()
    report(values_by_locale(), everything)


if __name__ == "__main__":
    main()
