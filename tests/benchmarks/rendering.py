"""What inlining once saves, and whether it is the same: the four shipped sets for 500 made-up people.

    python tests/benchmarks/rendering.py                # 500 people, in about three minutes
    python tests/benchmarks/rendering.py --people 50

Compared are the same template rendered by bare Jinja without inlining, inlined once, and inlined per message
by premailer with caches that are large enough; then whole messages, from the context to the bytes, beside
Jinja and `EmailMessage.as_bytes` for the same two texts. CPU time, best of several rounds that take turns;
trust the ratios, which are of one run.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.context import printable
from recmail.render.email import Renderer
from recmail.render.environment import load_template, make_environment, run
from recmail.render.inline import differs, inline_once, inline_styles
from recmail.render.mime import MessageHeaders, build_mime
from recmail.settings.sections import default_brand
from tests.render.contexts import COURSES, SETS, TEXT, arabic, block, context, course, edge, sparse

ROUNDS = 15
COURSE_FIELDS = ("subtitle", "category", "level", "reason", "image_url", "url", "duration_min", "price_minor")
NAMES = ("Ana", "O'Brien & Sons", "<script>", "नमस्ते 👋", "שרה", "李", None)
HEADERS = MessageHeaders(
    from_=("Acme Courses", "hello@acme.example"),
    to=("Ana", "ana@acme.example"),
    date=datetime(2026, 11, 24, tzinfo=UTC),
    message_id="1.1@acme.example",
)
Values = dict[str, Any]


def people(count: int) -> list[Values]:
    """Return contexts of people who get two to six courses, some of which lack some fields."""
    dice = random.Random(1)
    made = [sparse(), arabic(), edge(), *(make() for make in SETS.values())]
    while len(made) < count:
        picks = [_course(dice, position) for position in range(dice.randint(2, 6))]
        blocks = [block("top_picks", picks, title=dice.choice(["Picked for you", None]))]
        if dice.random() < 0.8:
            blocks.insert(0, block("text", [], title=dice.choice(["A word", None]), text=TEXT))
        if dice.random() < 0.5:
            begun = _course(dice, 0) | dict.fromkeys(("block", "source"), "continue_learning")
            begun["progress"] = dice.choice([None, 0, 1, 50, 99, 100])
            title = dice.choice(["Continue learning", None])
            blocks.insert(dice.randint(0, len(blocks)), block("continue_learning", [begun], title=title))
        user = {"first_name": dice.choice(NAMES), "last_name": None, "language": None, "country": None}
        about = {"title": "Spreadsheets", "course_id": "s", "progress": dice.choice([None, 40, 100])}
        made.append(context(blocks, user=user, because=dice.choice([about, None])))
    heads = {"subject": "Five courses picked for you", "preheader": "And then?"}
    return [{**printable(one, user_id="u"), **heads} for one in made[:count]]


def _course(dice: random.Random, position: int) -> Values:
    known: Values = course(dice.choice(list(COURSES)), position=position)
    return known | {field: None for field in COURSE_FIELDS if dice.random() < 0.15}


def best_us(works: Mapping[str, Callable[[], object]], times: int, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the CPU microseconds of each work, of `times` that one call does; they take turns."""
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            best[name] = min(best[name], (time.process_time() - started) / times * 1e6)
    return best


def compare_rendering(bundle: TemplateBundle, template: str, everybody: Sequence[Values]) -> None:
    """Print what a page costs by each of the three ways, and what compiling costs."""
    name = f"{template}.html.j2"
    bare = load_template(make_environment(bundle), name)
    once = inline_once(bundle, name).template
    assert once, f"{name} is to be inlined once"
    few = everybody[:50]
    pages = [run(bare, values, user_id="u") for values in few]
    cost = best_us(
        {
            "bare": lambda: [run(bare, values, user_id="u") for values in few],
            "once": lambda: [run(once, values, user_id="u") for values in few],
        },
        len(few),
    )
    inline_styles(pages[0])  # premailer's caches are filled
    cost |= best_us({"each": lambda: [inline_styles(page) for page in pages]}, len(few), rounds=3)
    inline_once.cache_clear()
    started = time.process_time()
    inline_once(bundle, name)
    compiling = time.process_time() - started
    size, inlined = (
        sorted(len(page.encode()) for page in made)[25]
        for made in (pages, [run(once, values, user_id="u") for values in few])
    )
    slow = cost["bare"] + cost["each"]
    print(
        f"{template:<22}{cost['bare']:>7,.0f}{cost['once']:>7,.0f}{slow:>9,.0f}"
        f"{cost['once'] / cost['bare']:>10.2f}{'1/' + format(slow / cost['once'], '.0f'):>8}"
        f"{compiling * 1e3:>8,.0f}{compiling / (cost['each'] / 1e6):>6.0f}{size:>9,}{inlined:>8,}"
    )


HEADING = """
                           us a message         once against         compiling    median bytes
                         bare   once  premailer   bare premailer    ms  runs  written inlined
                                                (1.20)  (1/35)            (50)""".lstrip("\n")


def compare_messages(bundle: TemplateBundle, everybody: Sequence[Values]) -> None:
    """Print what whole messages cost beside Jinja and the standard library's messages."""
    ours = Renderer(bundle, template="weekly", subject="Five courses picked for you", preheader="And then?")
    environment = make_environment(bundle)
    html, text = inline_once(bundle, "weekly.html.j2").template, load_template(environment, "weekly.txt.j2")
    assert html
    few = everybody[:50]

    def standard(values: Values) -> bytes:
        message = EmailMessage()
        message["From"], message["To"] = "Acme Courses <hello@acme.example>", "Ana <ana@acme.example>"
        message["Subject"] = values["subject"]
        message.set_content(run(text, values, user_id="u"))
        message.add_alternative(run(html, values, user_id="u"), subtype="html")
        return message.as_bytes()

    cost = best_us(
        {
            "HTML, text and MIME": lambda: [
                build_mime(ours.render(values, user_id="u"), headers=HEADERS) for values in few
            ],
            "Jinja + EmailMessage": lambda: [standard(values) for values in few],
        },
        len(few),
    )
    for name, microseconds in cost.items():
        print(f"{name:<40}{microseconds:>12,.0f} us a message")
    mine, theirs = cost.values()
    print(f"ours / EmailMessage                     1/{theirs / mine:.1f}   (asked: at most 1/5)")


def count_differences(bundle: TemplateBundle, template: str, everybody: Sequence[Values]) -> int:
    """Return for how many people the page inlined once is not what premailer makes of theirs."""
    name = f"{template}.html.j2"
    bare, once = load_template(make_environment(bundle), name), inline_once(bundle, name).template
    assert once
    found = [differs(bare, once, values, user_id="u") for values in everybody]
    for one in filter(None, found):
        print(one)
    return sum(map(bool, found))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=500)
    asked = parser.parse_args()
    bundle = branded(load_bundle(Path(__file__).parents[2] / "templates"), asdict(default_brand()))
    everybody = people(max(asked.people, 50))
    print(HEADING)
    for template in SETS:
        compare_rendering(bundle, template, everybody)
    compare_messages(bundle, everybody)
    for template in SETS:
        different = count_differences(bundle, template, everybody)
        print(f"{template:<22}different from premailer: {different} of {len(everybody)} people")


if __name__ == "__main__":
    main()
