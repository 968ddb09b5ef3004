"""Turn the real learners of coco-udemy into the three files that `recmail import` reads; for measuring only.

    python tests/benchmarks/coco_udemy.py OUT_DIR

reads coco-udemy below RECMAIL_DATA (default: ../shared/data from the project's root) and writes users.csv,
courses.csv and interactions.csv. What it writes is derived from single learners: it is never committed.

What is not in the data is left empty: names, languages, zones, prices, pictures, durations. Made up are the
address (learner number at example.org) and the consent, without which nobody could be mailed.

**Which of a course's two categories is the child.** The knowledge graph gives every course two
`belong_to_category` rows and does not say which is which. In the file's order the first is always one of
the same 15 names (development, business, ...), the second always one of 129 others; no name is ever on both
sides, and but for `other`, which 13 of the 15 share, every name on the second side goes with exactly one on
the first: a tree. So the first is the parent (here a topic), the second the child (here the category). Both
facts are checked each time. `other` says nothing by itself, and would count cooking and Java as one category
in a quota: such courses keep their parent as category.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

LANGUAGES = {
    "english": "en",
    "spanish": "es",
    "portuguese": "pt",
    "arabic": "ar",
    "german": "de",
    "chinese": "zh",
    "french": "fr",
    "thai": "th",
    "italian": "it",
    "russian": "ru",
    "turkish": "tr",
    "hindi": "hi",
    "vietnamese": "vi",
}
LEVELS = {"all": "all", "beginner": "beginner", "intermediate": "intermediate", "esperto": "advanced"}
TAGS_PER_COURSE = 4
MERGED_CHILD = "other"  # the one child that several parents share
SHOP = "Udemy"  # 99 courses are "related" to the shop itself: not a subject

# Words that titles have in lower case, by language; few slugs are in other languages than these.
_ENGLISH = "a an and as at but by for from in into nor of on or over per than the to via vs with without"
_OTHERS = """
    a al aos as com con da das de del des desde di do dos du e el em en et für la las le les los mit na nas no
    nos o os para per por pour sem sin su sua tu um uma un una und y
"""
SMALL = {"en": frozenset(_ENGLISH.split()), "": frozenset((_ENGLISH + _OTHERS).split())}

# How people write what a slug has in lower case.
_SUBJECTS = """
    2D 3D AI AJAX API APIs ASP.NET AWS AngularJS AutoCAD B2B B2C BIM C# C++ CAD CC CCENT CCNA CCNP CMS
    CNC CPA CRM CRO CRUD CS5 CS6 CSS CSS3 CV CompTIA DAX DIY DJ DNA DNS DSLR DevOps E-Commerce EFT ERP
    ES6 ESL ETL EU F# FBA FL FX GIS GMAT GRC GRE GitHub HDR HR HTML HTML5 HTTP IAS IBM ICD IELTS IFRS
    IIBA IP IPv6 ISO ITIL IoT JMeter JS JSON JSP JavaScript KPI LLC LinkedIn MATLAB MBA MCSA MCSE ML MLM
    MOOC MS MVC MVP MVVM MacOS MongoDB MySQL NLP NoSQL NodeJS OOP OS OSX OpenCV OpenGL PC PDF PHP PHP7
    PLC PMBOK PMI PMP PPC PR PSD PTE PTSD QA QGIS REST RESTful RPG ReactJS RxJS SAP SAS SCSS SDK SEM SEO
    SMM SPSS SQL SQLite SSH SSIS SSL SSRS SVG SaaS T-Shirt T-Shirts TCP TDD TEFL TOEFL TOEIC TypeScript
    UI UK UML URL USA UX VB VBA VM VMware VPN VPS VR WPF WWW WooCommerce WordPress XAML XHTML XML
    YouTube eBay eBook eBooks iMovie iOS iPad iPhone jQuery vSphere
"""
WRITTEN = {re.sub("[-.]", "", word.lower()).replace("#", "sharp"): word for word in _SUBJECTS.split()}
# Hyphens that belong to the word; all others part words.
JOINED = re.compile(r"\b(e)-(?=commerce|books?\b)|\b(t)-(?=shirts?\b)")
KEPT = re.compile(r"\bself-(?=[a-z])")
PARTS = re.compile(r"[-_]+")
EXPLAINED = re.compile(r"\s*\([^)]*\)$")


@dataclass(frozen=True)
class Counts:
    """What was written."""

    users: int
    courses: int
    interactions: int
    without_category: int
    without_level: int
    newest: datetime


def data_folder() -> Path:
    """Return where the real data should be, whether or not it is there."""
    default = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
    return Path(os.environ.get("RECMAIL_DATA") or default) / "coco-udemy"


def title_of(slug: str, language: str = "en") -> str:
    """Return a slug as a title: `learn-java-for-beginners` is "Learn Java for Beginners"."""
    slug = KEPT.sub("self~", JOINED.sub(lambda found: found.group(1) or found.group(2), slug.lower()))
    small = SMALL.get(language, SMALL[""])
    words = [word for word in PARTS.split(slug) if word]
    return " ".join([_first(word) for word in words[:1]] + [_later(word, small) for word in words[1:]])


def _first(word: str) -> str:
    return "IT" if word == "it" else WRITTEN.get(word) or _capital(word)


def _later(word: str, small: frozenset[str]) -> str:
    return word if word in small else WRITTEN.get(word) or _capital(word)


def _capital(word: str) -> str:
    return "-".join(part[:1].upper() + part[1:] for part in word.split("~"))


def convert(source: Path, out: Path) -> Counts:
    """Write users.csv, courses.csv and interactions.csv into a folder, which is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    interactions = _interactions(source)
    courses = _courses(source, interactions)
    users = _users(interactions)
    interactions.to_csv(out / "interactions.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    courses.to_csv(out / "courses.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    users.to_csv(out / "users.csv", index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    return Counts(
        users=len(users),
        courses=len(courses),
        interactions=len(interactions),
        without_category=int((courses["category"] == "").sum()),
        without_level=int((courses["level"] == "").sum()),
        newest=interactions["at"].max().to_pydatetime(),
    )


def _interactions(source: Path) -> pd.DataFrame:
    """Return both files as enrolments, oldest first; the rating in them is always 1 and says nothing."""
    columns = ["user_id", "course_id", "rating", "at"]
    parts = [
        pd.read_csv(source / f"{name}.txt.gz", sep="\t", header=None, names=columns)
        for name in ("valid", "test")
    ]
    rows = pd.concat(parts).sort_values(["at", "user_id", "course_id"], ignore_index=True)
    user, course = rows["user_id"].astype(str), rows["course_id"].astype(str)
    return pd.DataFrame(
        {
            "event_id": user + "-" + course,  # no learner has a course twice
            "user_id": user,
            "course_id": course,
            "kind": "enrolled",
            "at": pd.to_datetime(rows["at"], unit="s", utc=True),
            "value": "",
            "amount": "",
            "currency": "",
            "seconds": "",
            "query": "",
        }
    )


def _courses(source: Path, interactions: pd.DataFrame) -> pd.DataFrame:
    """Return the courses that somebody took; of the other 30 nothing says when they were published."""
    items = pd.read_csv(source / "i2kg_map.txt.gz", sep="\t", dtype=str, keep_default_na=False)
    items.index = items["eid"].astype(int)
    graph = _graph(source)
    items = items.join(_categories(graph)).join(_concepts(graph))
    items["level"] = items.index.map(_only(graph, "taught_in_level").map(LEVELS))
    items["language"] = items.index.map(_only(graph, "taught_in_language").map(LANGUAGES)).fillna("")
    first = interactions.groupby("course_id")["at"].min().dt.floor("D") - pd.Timedelta(days=1)
    items["published_at"] = items["pid"].map(first)
    items = items[items["published_at"].notna()]
    courses = pd.DataFrame(
        {
            "course_id": items["pid"],
            "title": [title_of(*row) for row in zip(items["name"], items["language"], strict=True)],
            "subtitle": "",
            "category": items["category"].fillna(""),
            "level": items["level"].fillna(""),
            "topics": items["topic"].fillna(""),
            "tags": items["tags"].fillna(""),
            "prerequisites": "",
            "language": items["language"],
            "price": "",
            "currency": "",
            "published_at": items["published_at"],
        }
    )
    empty = ("closes_at", "seats", "duration_min", "image_url")
    return courses.assign(
        **dict.fromkeys(empty, ""),
        url="https://courses.example.org/" + items["name"],
        staff_pick="no",
        active="yes",
    )


def _graph(source: Path) -> pd.DataFrame:
    """Return the knowledge graph by names: columns course (eid), relation, tail; the file's order kept."""
    triples = pd.read_csv(source / "kg_final.txt.gz", sep="\t")
    entities = pd.read_csv(source / "e_map.txt.gz", sep="\t", dtype={"name": str}, keep_default_na=False)
    relations = pd.read_csv(source / "r_map.txt.gz", sep="\t")
    return pd.DataFrame(
        {
            "course": triples["entity_head"],
            "relation": triples["relation"].map(relations.set_index("id")["name"]),
            "tail": triples["entity_tail"].map(entities.set_index("eid")["name"]),
        }
    )


def _only(graph: pd.DataFrame, relation: str) -> pd.Series:
    rows = graph[graph["relation"] == relation]
    return rows.drop_duplicates("course").set_index("course")["tail"]


def _categories(graph: pd.DataFrame) -> pd.DataFrame:
    rows = graph[graph["relation"] == "belong_to_category"]
    pairs = pd.DataFrame(
        {
            "parent": rows.drop_duplicates("course", keep="first").set_index("course")["tail"],
            "child": rows.drop_duplicates("course", keep="last").set_index("course")["tail"],
        }
    )
    parents_of = pairs[pairs["child"] != MERGED_CHILD].groupby("child")["parent"].nunique()
    if set(pairs["parent"]) & set(pairs["child"]) or (parents_of != 1).any():
        raise SystemExit(
            "the categories are no tree in this version of the data: which is the child is unknown"
        )
    category = pairs["child"].where(pairs["child"] != MERGED_CHILD, pairs["parent"])
    return pd.DataFrame({"category": category.map(title_of), "topic": pairs["parent"].map(title_of)})


def _concepts(graph: pd.DataFrame) -> pd.DataFrame:
    """Return the first few concepts of each course without Wikipedia's "(programming language)"."""
    rows = graph[graph["relation"] == "related_to_concept"]
    names = rows["tail"].str.replace(EXPLAINED, "", regex=True).str.replace(";", ",", regex=False)
    rows = rows.assign(tail=names)[names != SHOP].drop_duplicates(["course", "tail"])
    rows = rows[rows.groupby("course").cumcount() < TAGS_PER_COURSE]
    return rows.groupby("course")["tail"].agg(";".join).to_frame("tags")


def _users(interactions: pd.DataFrame) -> pd.DataFrame:
    """Return everybody in the order in which they first appear; that day is also when they consented."""
    seen = interactions.groupby("user_id", sort=False)["at"].agg(["min", "max"])
    users = pd.DataFrame({"user_id": seen.index, "email": "learner-" + seen.index + "@example.org"})
    empty = ("first_name", "last_name", "language", "country", "timezone")
    return users.assign(
        **dict.fromkeys(empty, ""),
        signed_up_at=seen["min"].array,
        last_seen_at=seen["max"].array,
        email_consent="yes",
        email_consent_at=seen["min"].array,
        email_consent_source="made up for measuring",
        personalization="yes",
    )


def main() -> None:
    """Convert, and print what the next commands need."""
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: python {sys.argv[0]} OUT_DIR")
    source = data_folder()
    if not source.is_dir():
        print(f"no real data: {source} is not there (set RECMAIL_DATA); nothing was written")
        return
    counts = convert(source, Path(sys.argv[1]))
    print(f"{counts.users:,} users, {counts.courses:,} courses, {counts.interactions:,} interactions")
    print(f"{counts.without_category:,} courses without category, {counts.without_level:,} without level")
    after = (pd.Timestamp(counts.newest) + pd.Timedelta(minutes=1)).floor("min")
    print(f"newest interaction {counts.newest.isoformat()}: use --now {after.strftime('%Y-%m-%dT%H:%MZ')}")


if __name__ == "__main__":
    main()
