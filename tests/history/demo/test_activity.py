"""People of the demo are active as learners are: a few a lot, in the evening, and after publication."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from recmail.history.demo import DemoData, planted


def enrolled(data: DemoData) -> pd.DataFrame:
    """All enrolments with user_no and course_no, in the order of time."""
    rows = data.interactions[data.interactions["kind"] == "enrolled"]
    return rows.assign(user_no=rows["user_id"].cat.codes, course_no=rows["course_id"].cat.codes)


def per_user(data: DemoData, kind: str = "enrolled") -> pd.Series:
    rows = data.interactions[data.interactions["kind"] == kind]
    return rows.groupby("user_id", observed=False).size()


def test_enrolments_per_person_are_lognormal_with_a_long_tail(data: DemoData) -> None:
    special = [planted()["enrolled in everything"], planted()["completed a whole category"]]
    counts = per_user(data).drop(special)
    assert counts.median() == 4
    assert 12 <= counts.quantile(0.9) <= 15
    assert 60 < counts.max() <= 120
    # Of those with two or more: exp(1.60 + 0.87 z) at z = -0.67, 0, 0.67 and 1.64.
    quartiles_and_top = counts[counts > 1].quantile([0.25, 0.5, 0.75, 0.95])
    assert quartiles_and_top.to_list() == pytest.approx([3, 5, 9, 21], abs=1)


def test_one_in_ten_has_no_history_and_8_percent_have_one_interaction(data: DemoData) -> None:
    of_any_kind = data.interactions.groupby("user_id", observed=False).size()
    assert (of_any_kind == 0).sum() == 200
    assert (of_any_kind == 1).sum() == 160
    assert (per_user(data) == 1).sum() == 160


def test_nobody_takes_a_course_twice(data: DemoData) -> None:
    assert not enrolled(data).duplicated(["user_id", "course_id"]).any()


def test_the_top_tenth_of_courses_takes_28_to_35_percent(data: DemoData) -> None:
    counts = enrolled(data)["course_id"].value_counts()
    assert 0.28 <= counts.iloc[:24].sum() / counts.sum() <= 0.35


def test_what_follows_an_enrolment_has_its_share(data: DemoData) -> None:
    kinds = data.interactions["kind"].value_counts()
    share = kinds / kinds["enrolled"]
    assert share["viewed"] == pytest.approx(6.0, abs=0.2)
    assert share["progressed"] == pytest.approx(0.70, abs=0.02)
    assert share["completed"] == pytest.approx(0.35, abs=0.02)
    assert share["rated"] == pytest.approx(0.12, abs=0.02)


def test_learning_follows_its_enrolment_in_order(data: DemoData) -> None:
    rows = data.interactions[data.interactions["kind"].isin(["enrolled", "progressed", "completed", "rated"])]
    times = rows.pivot(index=["user_id", "course_id"], columns="kind", values="at")
    for first, then in (("enrolled", "progressed"), ("progressed", "completed"), ("progressed", "rated")):
        both = times[times[then].notna()]
        assert (both[first] <= both[then]).all()


def test_values_stay_in_their_ranges(data: DemoData) -> None:
    of_kind = dict(list(data.interactions.groupby("kind", observed=True)))
    assert of_kind["rated"]["value"].isin([1, 2, 3, 4, 5]).all()
    assert of_kind["progressed"]["value"].between(0.01, 0.99).all()
    others = data.interactions[~data.interactions["kind"].isin(["rated", "progressed"])]
    assert others["value"].isna().all()
    assert (of_kind["viewed"]["seconds"] >= 2).all()
    prices = data.courses.set_index("course_id")["price"]
    paid = of_kind["enrolled"]
    assert (paid["amount"].to_numpy() == prices[paid["course_id"].astype(str)].to_numpy()).all()
    assert (paid["currency"] == "INR").all()


def test_one_search_in_twenty_is_misspelt(data: DemoData) -> None:
    searches = data.interactions[data.interactions["kind"] == "searched"]
    topics = {topic for topics in data.courses["topics"].str.lower() for topic in topics.split(";")}
    assert searches["course_id"].isna().all()
    assert searches["query"].notna().all()
    assert (~searches["query"].isin(topics)).mean() == pytest.approx(0.05, abs=0.012)
    assert data.interactions.loc[data.interactions["kind"] != "searched", "query"].isna().all()


def test_nothing_happens_after_now_or_before_540_days(data: DemoData, now: datetime) -> None:
    at = data.interactions["at"]
    assert at.is_monotonic_increasing
    assert at.min() >= now - pd.Timedelta(days=540)
    for moments in (
        at,
        data.users["signed_up_at"],
        data.users["last_seen_at"],
        data.users["email_consent_at"],
        data.suppressions["at"],
    ):
        assert moments.max() <= now


def test_nothing_happens_to_a_course_before_it_is_published(data: DemoData) -> None:
    published = data.courses.set_index("course_id")["published_at"]
    rows = data.interactions[data.interactions["course_id"].notna()]
    assert (rows["at"].to_numpy() >= published[rows["course_id"].astype(str)].to_numpy()).all()


def test_everybody_acts_between_signing_up_and_being_last_seen(data: DemoData) -> None:
    users = data.users.set_index("user_id")
    span = data.interactions.groupby("user_id", observed=True)["at"].agg(["min", "max"])
    assert (span["min"] >= users.loc[span.index, "signed_up_at"]).all()
    assert (span["max"] <= users.loc[span.index, "last_seen_at"]).all()


def test_15_percent_were_not_seen_for_90_days(data: DemoData, now: datetime) -> None:
    assert (data.users["last_seen_at"] < now - pd.Timedelta(days=90)).sum() == 300


def test_people_learn_in_the_evening_and_on_sundays(data: DemoData) -> None:
    in_india = data.users.loc[data.users["country"] == "IN", "user_id"]
    rows = enrolled(data)
    local = rows.loc[rows["user_id"].isin(in_india), "at"] + pd.Timedelta(hours=5, minutes=30)
    assert local.dt.hour.between(18, 23).mean() > 0.55
    assert local.dt.hour.between(0, 6).mean() < 0.02
    days = local.dt.strftime("%a").value_counts()
    assert days["Sun"] > 1.2 * days["Fri"]


def test_january_is_busier_than_july(data: DemoData) -> None:
    """Counted for each day between a learner's sign-up and last visit: later there are more learners."""
    active = data.users[per_user(data).to_numpy() > 1]
    at = enrolled(data)["at"]

    def pace(month: str) -> float:
        start = pd.Timestamp(month, tz="UTC")
        end = start + pd.offsets.MonthBegin()
        overlap = active["last_seen_at"].clip(upper=end) - active["signed_up_at"].clip(lower=start)
        days = (overlap / pd.Timedelta(days=1)).clip(lower=0).sum()
        return float(at.between(start, end).sum() / days)

    assert pace("2026-01-01") > 1.2 * pace("2026-07-01")


def test_people_take_harder_courses_later(data: DemoData) -> None:
    rank = data.courses["level"].map({"beginner": 0, "intermediate": 1, "advanced": 2}).to_numpy()
    rows = enrolled(data)
    rows = rows.assign(level=rank[rows["course_no"]])[lambda table: table["level"].notna()]
    place = rows.groupby("user_id", observed=True).cumcount()
    size = rows.groupby("user_id", observed=True)["user_no"].transform("size")
    many = size >= 6
    early = rows.loc[many & (place < size / 3), "level"].mean()
    late = rows.loc[many & (place >= size * 2 / 3), "level"].mean()
    assert late > early + 0.3
