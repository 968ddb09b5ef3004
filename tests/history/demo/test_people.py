"""People of the demo have the names, places and consents that break careless programs."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from zoneinfo import available_timezones

import pandas as pd
import pytest

from recmail.history.demo import DemoData, demo, planted
from recmail.history.demo.planted import FIRST_NAMES

INDIAN = ["hi", "mr", "ta", "en-IN", "kn", "te", "bn", "ml", "gu"]


def with_id(data: DemoData, case: str) -> pd.Series:
    return data.users.set_index("user_id").loc[planted()[case]]


def all_with_ids(data: DemoData, beginning: str) -> pd.DataFrame:
    ids = [user_id for case, user_id in planted().items() if case.startswith(beginning)]
    return data.users[data.users["user_id"].isin(ids)]


def script_of(name: str) -> str:
    """First word of the Unicode name of the first letter; nothing where there is no letter."""
    names = [unicodedata.name(character) for character in name if character.isalpha()]
    return names[0].split()[0].split("-")[0] if names else ""


def test_ids_and_addresses_are_unique_but_for_the_planted_ones(data: DemoData) -> None:
    assert data.users["user_id"].is_unique
    assert len(data.users) == 2000
    given = data.users["email"][data.users["email"].ne("")]
    assert given.is_unique
    assert given.str.fullmatch(r"[A-Za-z0-9.]+@[Ee]xample\.(org|com|net|Org|Com|Net)").all()
    assert given.str.lower().duplicated().sum() == 3


def test_45_percent_are_indian_in_three_scripts(data: DemoData) -> None:
    indian = data.users[data.users["language"].isin(INDIAN)]
    assert len(indian) == pytest.approx(900, abs=3)
    script = indian["first_name"].map(script_of)
    shares = script[script.ne("")].value_counts(normalize=True)
    expected = {"DEVANAGARI": 15 / 45, "TAMIL": 8 / 45, "LATIN": 22 / 45}
    assert shares.to_dict() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("script", "share"),
    [
        ("DEVANAGARI", 0.15),
        ("TAMIL", 0.08),
        ("ARABIC", 0.06),
        ("HEBREW", 0.02),
        ("CYRILLIC", 0.04),
        ("HANGUL", 0.03),
    ],
)
def test_scripts_have_their_shares(data: DemoData, script: str, share: float) -> None:
    scripts = data.users["first_name"].map(script_of)
    assert (scripts == script).sum() == pytest.approx(0.96 * 2000 * share, abs=0.01 * 2000)


def test_chinese_japanese_vietnamese_and_accented_latin_are_there(data: DemoData) -> None:
    scripts = data.users["first_name"].map(script_of).groupby(data.users["language"]).agg(set)
    assert "CJK" in scripts["zh-Hans"]
    assert {"CJK", "HIRAGANA"} <= scripts["ja"]
    is_latin = data.users["first_name"].map(script_of).eq("LATIN")
    accented = data.users["first_name"].str.contains(r"[^\x00-\x7f]")
    assert (is_latin & accented).mean() == pytest.approx(0.17, abs=0.05)
    assert data.users.loc[data.users["language"].eq("vi"), "first_name"].isin(["Thảo", "Dũng", "Ngọc"]).any()


def test_4_percent_have_no_name(data: DemoData) -> None:
    nameless = data.users["first_name"].eq("") & data.users["last_name"].eq("")
    assert nameless.sum() == 80


def test_awkward_names_are_there_once_each(data: DemoData) -> None:
    for case, name in FIRST_NAMES.items():
        assert with_id(data, case)["first_name"] == name
        assert data.users["first_name"].eq(name).sum() == 1
    assert len(with_id(data, "name of 60 letters")["first_name"]) == 60
    assert len(with_id(data, "name of one letter")["first_name"]) == 1
    controls = [unicodedata.category(c) for c in with_id(data, "name with control characters")["first_name"]]
    assert controls.count("Cc") == 5
    # PostgreSQL stores no NUL in text, and no CSV file should carry one.
    assert not data.users["first_name"].str.contains("\0").any()


def test_three_pairs_share_an_address_in_other_capitals_and_five_have_none(data: DemoData) -> None:
    for pair in (1, 2, 3):
        one, other = (with_id(data, f"shares an address with another, pair {pair}, {side}") for side in "ab")
        assert one["email"] != other["email"]
        assert one["email"].lower() == other["email"].lower()
        assert one["email_consent"] == other["email_consent"] == "yes"
    assert data.users["email"].eq("").sum() == 5
    assert all_with_ids(data, "has no address")["email"].eq("").all()


def test_zones_reach_from_kiritimati_to_pago_pago(data: DemoData) -> None:
    zones = data.users["timezone"]
    assert with_id(data, "lives in Kiritimati")["timezone"] == "Pacific/Kiritimati"
    assert with_id(data, "lives in Pago Pago")["timezone"] == "Pacific/Pago_Pago"
    assert zones.eq("").sum() == 80
    misspelt = zones[zones.ne("") & ~zones.isin(available_timezones())]
    assert len(misspelt) == 20
    assert misspelt.nunique() >= 3
    assert zones.nunique() > 50


def test_consents_add_up(data: DemoData) -> None:
    users = data.users
    impersonal = users["personalization"].eq("no")
    yes = users["email_consent"].eq("yes")
    assert (yes & ~impersonal).sum() == 1760  # 88 %
    assert (yes & impersonal).sum() == impersonal.sum() == 60
    assert users["email_consent"].eq("no").sum() == 120
    assert users["email_consent"].eq("").sum() == 60
    recorded = users["email_consent"].ne("")
    assert users.loc[recorded, "email_consent_at"].notna().all()
    assert users.loc[recorded, "email_consent_source"].ne("").all()
    assert users.loc[~recorded, "email_consent_at"].isna().all()
    assert (users["email_consent_at"] >= users["signed_up_at"])[recorded].all()


def test_twelve_are_suppressed_one_of_them_in_other_capitals(data: DemoData) -> None:
    emails = data.suppressions["email"]
    assert len(emails) == 12
    suppressed = all_with_ids(data, "suppressed")["email"]
    assert list(emails.str.lower()) == list(suppressed)
    assert (~emails.isin(suppressed)).sum() == 1
    assert set(data.suppressions["reason"]) == {"hard_bounce", "complaint", "manual", "imported"}


def test_planted_people_can_be_mailed_and_were_seen_this_week(data: DemoData, now: datetime) -> None:
    people = data.users[data.users["user_id"].isin(planted().values())]
    assert people["email_consent"].eq("yes").all()
    assert people["personalization"].ne("no").all()
    assert (people["last_seen_at"] > pd.Timestamp(now) - pd.Timedelta(days=7)).all()


def test_plans_are_free_or_pro(data: DemoData) -> None:
    assert data.users["plan"].value_counts(normalize=True)["pro"] == pytest.approx(0.22, abs=0.03)


def test_fewer_than_50_users_are_refused(now: datetime) -> None:
    with pytest.raises(ValueError, match="users=49: the demo needs 50"):
        demo(now, 1, users=49)
