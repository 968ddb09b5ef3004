"""What tracked links cost a message of somebody who agreed, beside the same message without them.

    python tests/benchmarks/tracking.py               # 200 messages of about 36 kB with 8 courses

CPU time, best of several rounds that take turns; trust the ratios, which are of one run. Each round signs for
another run, so that no line of a tracked message was written before, as when sending.

On two busy cores: 1.20 to 1.30 times the message without them; the links are 0.13 of it, and the rest is the
encoding of lines that no other message has. People who did not agree cost nothing.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from itertools import count

from recmail.campaign.tracking import Tracking
from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.email import Email, Renderer
from recmail.render.mime import build_mime
from recmail.runs.message import Links
from recmail.runs.tracking import track
from recmail.settings.sections import default_brand
from recmail.tokens import Signer
from tests.benchmarks.messages import SUBJECT, TEMPLATES, costs_us, headers, people

KEY, BASE = b"k" * 64, "https://mail.acme.example"
LINKS = Links("https://acme.example/u/3yQ", "https://acme.example/p/3yQ", f"{BASE}/")  # as people have


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--messages", type=int, default=200)
    options.add_argument("--courses", type=int, default=8)
    options.add_argument("--rounds", type=int, default=9)
    chosen = options.parse_args()
    bundle = branded(load_bundle(TEMPLATES), asdict(default_brand()))
    renderer = Renderer(bundle, template="weekly", subject=SUBJECT, preheader=None)
    contexts = people(chosen.messages, chosen.courses, 2_000)
    slots = [[0, at, None, "top_picks", False, 0.1, None, None] for at in range(chosen.courses)]
    emails = [renderer.render(context, user_id="u") for context in contexts]
    signed = count(1)

    def tracked(email: Email, number: int) -> Email:
        return track(
            email,
            Tracking(clicks=True, opens=False),
            Signer(KEY, next(signed), number + 70_000),
            BASE,
            context=contexts[number],
            frozen={"slots": slots},
            links=LINKS,
        )

    def rendered(number: int) -> Email:
        return renderer.render(contexts[number], user_id="u")

    works = {
        "HTML, text and MIME": lambda number: build_mime(rendered(number), headers=headers(number)),
        "the same, tracked": lambda number: build_mime(
            tracked(rendered(number), number), headers=headers(number)
        ),
        "  its links alone": lambda number: tracked(emails[number], number),
    }
    costs = costs_us(works, chosen.messages, chosen.rounds)
    plain, *_ = costs.values()
    for name, taken in costs.items():
        print(f"{name:<30}{taken:>9.1f} µs{taken / plain:>8.3f}")
    first = tracked(emails[0], 0)
    more = len(first.html) + len(first.text) - len(emails[0].html) - len(emails[0].text)
    print(f"\n{first.html.count(f'{BASE}/c/')} links in the page, {more:,} characters more a message")


if __name__ == "__main__":
    main()
