"""The demo's users: names in many scripts, zones, consent, and the window in which each was active."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from recmail.history.demo.catalogue import DAY, moments
from recmail.history.demo.names import CONSENT_SOURCES, CULTURES, MISSPELT_ZONES, OPT_OUT_SOURCES
from recmail.history.demo.planted import CASES, FIRST_NAMES, NO_ADDRESS, PAIRS, ROW, ZONES, user_id

HISTORY_DAYS = 540
LEAST_USERS = 50
MOST_ENROLMENTS = 120
DOMAINS = ("example.org", "example.com", "example.net")

COLUMNS = [
    "user_id",
    "email",
    "first_name",
    "last_name",
    "language",
    "country",
    "timezone",
    "signed_up_at",
    "last_seen_at",
    "email_consent",
    "email_consent_at",
    "email_consent_source",
    "personalization",
    "plan",
]
"""The columns of users.csv."""


@dataclass(frozen=True)
class People:
    """All users, row i being user i, with what the histories are made from.

    Attributes:
        table: COLUMNS.
        languages: str, the language without its region.
        offset_s: where they live, seconds east of UTC, whatever zone they told us.
        start_s: their first possible interaction; end_s: their last; seconds since 1970.
        enrolments: how many courses each takes; 0 means no interaction at all, 1 nothing but that one.
    """

    table: pd.DataFrame
    languages: np.ndarray
    offset_s: np.ndarray
    start_s: np.ndarray
    end_s: np.ndarray
    enrolments: np.ndarray


def people(users: int, now_s: int, rng: np.random.Generator) -> People:
    """Invent this many users, the planted ones first, ids in the order in which they signed up.

    Raises:
        ValueError: fewer users than the planted cases need.
    """
    if users < LEAST_USERS:
        raise ValueError(f"users={users}: the demo needs {LEAST_USERS} users or more")
    ordinary = np.arange(len(CASES), users)
    text, offset_s = _identities(users, rng)
    _unname(text, ordinary, rng)
    _misplace(text, ordinary, rng)
    _plant(text, offset_s)
    signed_up, last_seen = _sign_ups(users, ordinary, now_s, rng)
    consent_at = _consents(text, ordinary, signed_up, last_seen, rng)
    text["plan"] = rng.choice(np.array(["free", "pro"], dtype=object), users, p=(0.78, 0.22))
    table = pd.DataFrame(text)
    table["signed_up_at"], table["last_seen_at"] = moments(signed_up), moments(last_seen)
    table["email_consent_at"] = moments(consent_at).where(table["email_consent"].ne(""))
    start = np.maximum(signed_up, now_s - HISTORY_DAYS * DAY)
    return People(
        table=table[COLUMNS],
        languages=table["language"].str.partition("-")[0].to_numpy(dtype=object),
        offset_s=offset_s,
        start_s=start,
        end_s=last_seen,
        enrolments=_enrolments(users, ordinary, last_seen - start, rng),
    )


def _share_out(pool: np.ndarray, counts: list[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Disjoint random groups of these sizes from the pool: exact shares, whatever the seed."""
    return np.split(rng.permutation(pool), np.cumsum(counts))[: len(counts)]


def _drawn(weighted: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """This many of the words, each drawn with the weight that stands after its last slash."""
    parts = [word.rpartition("/") for word in weighted.split()]
    weights = np.array([float(weight) for _, _, weight in parts])
    words = np.array([word for word, _, _ in parts], dtype=object)
    return words[rng.choice(len(words), size=count, p=weights / weights.sum())]


def _drawn_names(names: str, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """This many of the names, as written and in the letters of an address."""
    pairs = [name.partition(":") for name in names.split()]
    written = np.array([name for name, _, _ in pairs], dtype=object)
    latin = np.array([latin or name.lower().replace("'", "") for name, _, latin in pairs], dtype=object)
    chosen = rng.integers(len(pairs), size=count)
    return written[chosen], latin[chosen]


def _identities(users: int, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Text columns with a name, a language, a place and an address for everybody, and their offsets."""
    columns = ("first_name", "last_name", "language", "country", "timezone", "email")
    text = {column: np.full(users, "", dtype=object) for column in columns}
    offset_s = np.zeros(users, dtype=np.int64)
    bounds = np.rint(np.cumsum([culture.share for culture in CULTURES.values()]) * users).astype(int)
    groups = np.split(rng.permutation(users), bounds[:-1])
    for culture, members in zip(CULTURES.values(), groups, strict=True):
        text["first_name"][members], first = _drawn_names(culture.first, len(members), rng)
        text["last_name"][members], last = _drawn_names(culture.last, len(members), rng)
        text["email"][members] = first + "." + last
        text["language"][members] = _drawn(culture.languages, len(members), rng)
        places = pd.Series(_drawn(culture.places, len(members), rng), dtype=object)
        country, zone, hours = (places.str.extract(r"^(\w+)/(.+)/([-\d.]+)$")[i] for i in range(3))
        text["country"][members], text["timezone"][members] = country, zone
        offset_s[members] = hours.astype(float) * 3600
    return {"user_id": np.array([user_id(row) for row in range(users)], dtype=object)} | text, offset_s


def _unname(text: dict[str, np.ndarray], ordinary: np.ndarray, rng: np.random.Generator) -> None:
    """Take the name from 4 % and finish everybody's address."""
    users = len(text["email"])
    (nameless,) = _share_out(ordinary, [round(0.04 * users)], rng)
    text["first_name"][nameless] = text["last_name"][nameless] = ""
    text["email"][nameless] = "learner"
    text["email"][[ROW[case] for case in FIRST_NAMES]] = "learner"
    numbers = np.arange(1, users + 1).astype(str).astype(object)
    text["email"] += numbers + "@" + rng.choice(np.array(DOMAINS, dtype=object), users, p=(0.5, 0.3, 0.2))


def _misplace(text: dict[str, np.ndarray], ordinary: np.ndarray, rng: np.random.Generator) -> None:
    """Take the zone from 4 %, and misspell it for 1 %, twice at least."""
    users = len(text["timezone"])
    counts = [round(0.04 * users), max(2, round(0.01 * users))]
    unknown, misspelt = _share_out(ordinary, counts, rng)
    text["timezone"][unknown] = ""
    text["timezone"][misspelt] = rng.choice(np.array(MISSPELT_ZONES, dtype=object), len(misspelt))


def _plant(text: dict[str, np.ndarray], offset_s: np.ndarray) -> None:
    """Give the planted users their names, places and addresses."""
    for case, name in FIRST_NAMES.items():
        text["first_name"][ROW[case]], text["last_name"][ROW[case]] = name, ""
    for (case, (country, zone)), hours in zip(ZONES.items(), (14, -11), strict=True):
        row = ROW[case]
        text["country"][row], text["timezone"][row], offset_s[row] = country, zone, hours * 3600
    for one, other in PAIRS:
        # Somebody who signed up twice.
        for column in ("first_name", "last_name", "language", "country", "timezone"):
            text[column][other] = text[column][one]
        offset_s[other] = offset_s[one]
        local, _, domain = text["email"][one].partition("@")
        text["email"][other] = f"{local.title()}@{domain.title()}"
    text["email"][NO_ADDRESS] = ""


def _sign_ups(
    users: int, ordinary: np.ndarray, now_s: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """When each signed up and was last seen: 15 % not for 90 days, the others mostly in the last month."""
    age = np.sort(4 + 896 * rng.random(users) ** 1.3)[::-1]
    unseen = np.minimum(rng.exponential(16, users), 88)
    # The planted ones are there whatever a campaign asks for, and up to date with the newest courses.
    unseen[: len(CASES)] = rng.uniform(0.1, 2, len(CASES))
    settled = ordinary[age[ordinary] > 130]
    (lapsed,) = _share_out(settled, [min(len(settled), round(0.15 * users))], rng)
    longest = np.minimum(age[lapsed], HISTORY_DAYS) - 10
    unseen[lapsed] = 91 + (longest - 91) * rng.random(len(lapsed)) ** 1.5
    unseen = np.minimum(unseen, age - 3)
    seconds = rng.integers(0, 3600, users)
    return now_s - (age * DAY).astype(np.int64), now_s - (unseen * DAY).astype(np.int64) - seconds


def _consents(
    text: dict[str, np.ndarray],
    ordinary: np.ndarray,
    signed_up: np.ndarray,
    last_seen: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Fill in the consent columns; 88 % say yes to everything. Returns when each said so."""
    users = len(signed_up)
    counts = [round(0.06 * users), round(0.03 * users), round(0.03 * users)]
    opted_out, unrecorded, impersonal = _share_out(ordinary, counts, rng)
    text["email_consent"] = np.full(users, "yes", dtype=object)
    text["email_consent_source"] = rng.choice(np.array(CONSENT_SOURCES, dtype=object), users)
    # Most people tick the box when they sign up, one in five later.
    later = np.where(rng.random(users) < 0.2, rng.random(users), 0)
    later[opted_out] = rng.uniform(0.1, 1, len(opted_out))
    text["email_consent"][opted_out] = "no"
    text["email_consent_source"][opted_out] = rng.choice(
        np.array(OPT_OUT_SOURCES, dtype=object), len(opted_out)
    )
    text["email_consent"][unrecorded] = text["email_consent_source"][unrecorded] = ""
    text["personalization"] = rng.choice(np.array(["", "yes"], dtype=object), users, p=(0.7, 0.3))
    text["personalization"][impersonal] = "no"
    consent_at: np.ndarray = signed_up + (later * (last_seen - signed_up)).astype(np.int64)
    return consent_at


def _enrolments(
    users: int, ordinary: np.ndarray, window_s: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """How many courses each takes: 10 % none, 8 % one, the others lognormal.

    With these two parameters the median over everybody is 4, nine in ten take at most about 15. The
    quantiles are shared out instead of drawn, so that they hold for every seed; who was there for longer
    tends to have taken more.
    """
    none, one = _share_out(ordinary, [round(0.10 * users), round(0.08 * users)], rng)
    counts = np.zeros(users, dtype=np.int64)
    counts[one] = 1
    active = np.setdiff1d(np.arange(users), np.concatenate([none, one]))
    quantiles = (np.arange(len(active)) + 0.5) / len(active)
    taken = np.rint(np.exp(1.60 + 0.87 * ndtri(quantiles))).clip(2, MOST_ENROLMENTS)
    keenness = np.log(window_s[active]) + rng.normal(0, 1.2, len(active))
    counts[active[np.argsort(keenness)]] = taken
    return counts
