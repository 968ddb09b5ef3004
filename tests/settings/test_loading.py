"""recmail.toml, variables and flags: which wins, where a value comes from, all mistakes at once."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.errors import ConfigError
from recmail.settings import Limit, Secret, Settings, find_project, load_settings
from recmail.settings.loading import parse_settings
from recmail.settings.sections import default_brand
from recmail.settings.source import SourceText

MINIMAL = """\
[project]
name = "Acme Courses"
currency = "INR"
[sender]
from = "Acme Courses <learn@acme.example>"
postal_address = "12 Residency Road, Bengaluru"
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RECMAIL_")]:
        monkeypatch.delenv(name)


def project(folder: Path, text: str) -> Path:
    (folder / "recmail.toml").write_bytes(text.encode())
    return folder


def load(folder: Path, text: str, **flags: str) -> Settings:
    return load_settings(
        project(folder, text), flags={name.replace("__", "."): value for name, value in flags.items()}
    )


def mistakes(folder: Path, text: str) -> list[str]:
    """What is wrong, each with its place but without its source line."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    return [str(problem).splitlines()[0] for problem in caught.value.problems]


def test_what_is_not_written_has_the_documented_default(tmp_path: Path) -> None:
    found = load(tmp_path, MINIMAL)
    assert found.limits.emails_per_person == Limit(2, timedelta(days=7))
    assert (found.limits.first_send_at_most, found.limits.test_recipients) == (100, ())
    assert found.model.grades == {
        "searched": 0.5,
        "viewed": 1,
        "minute": 0.1,
        "enrolled": 3,
        "progressed": 4,
        "completed": 5,
    }
    assert (found.delivery.provider, found.delivery.senders, found.delivery.planners) == ("files", 2, 2)
    assert found.providers["files"].values == {"type": "files", "folder": "outbox"}
    assert (found.sender.public_url, found.sender.unsubscribe_url) == ("", "")


def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path, MINIMAL).origins["project.timezone"] == "default"
    text = MINIMAL.replace("[sender]", 'timezone = "Asia/Kolkata"\n[sender]')
    from_file = load(tmp_path, text)
    assert (from_file.project.timezone, from_file.origins["project.timezone"]) == (
        "Asia/Kolkata",
        "recmail.toml:4",
    )
    monkeypatch.setenv("RECMAIL_PROJECT_TIMEZONE", "Europe/Berlin")
    from_variable = load(tmp_path, text)
    assert from_variable.project.timezone == "Europe/Berlin"
    assert from_variable.origins["project.timezone"] == "RECMAIL_PROJECT_TIMEZONE"
    from_flag = load(tmp_path, text, project__timezone="Asia/Tokyo")
    assert (from_flag.project.timezone, from_flag.origins["project.timezone"]) == ("Asia/Tokyo", "flag")


def test_variables_of_numbers_lists_and_tables_are_written_as_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECMAIL_LIMITS_FIRST_SEND_AT_MOST", "5000")
    monkeypatch.setenv("RECMAIL_LIMITS_TEST_RECIPIENTS", '["ana@acme.example"]')
    monkeypatch.setenv("RECMAIL_MODEL_GRADES", "{ completed = 5 }")
    found = load(tmp_path, MINIMAL)
    assert found.limits.first_send_at_most == 5000
    assert found.limits.test_recipients == ("ana@acme.example",)
    assert found.model.grades == {"completed": 5.0}


def test_every_mistake_is_said_at_once_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECMAIL_LIMITS_FIRST_SEND_AT_MOST", "many")
    monkeypatch.setenv("RECMAIL_DELIVERY_PROVIDR", "files")
    text = """\
[project]
nme = "Acme"
timezone = "Asia/Kolkatta"
currency = "inr"
[sender]
from = "Acme, Inc <a@acme.example>"
public_url = "http://acme.example"
name = "Acme"
[limits]
emails_per_person = "2 a week"
[model]
half_life = 180
grades = { seen = 1 }
[topcs]
[delivery]
provider = "relay"
"""
    assert mistakes(tmp_path, text) == [
        "RECMAIL_DELIVERY_PROVIDR: unknown variable; did you mean RECMAIL_DELIVERY_PROVIDER?",
        "RECMAIL_LIMITS_FIRST_SEND_AT_MOST: [limits] first_send_at_most: found 'many'; expected a whole"
        " number",
        "recmail.toml:1:1: [project] name: is missing",
        "recmail.toml:2:1: [project] nme: unknown key; did you mean name?",
        "recmail.toml:3:12: [project] timezone: found 'Asia/Kolkatta'; expected a time zone such as"
        " Europe/Berlin; did you mean Asia/Kolkata?",
        "recmail.toml:4:12: [project] currency: found 'inr'; expected a currency such as EUR;"
        " did you mean INR?",
        "recmail.toml:5:1: [sender] postal_address: is missing",
        "recmail.toml:6:8: [sender] from: found 'Acme, Inc <a@acme.example>'; expected Name"
        ' <name@example.org> (a name with a comma needs quotes: "Acme, Inc" <a@acme.example>)',
        "recmail.toml:7:14: [sender] public_url: found 'http://acme.example'; expected https:// (http://"
        " only on this machine)",
        "recmail.toml:8:1: [sender] name: unknown key; it belongs into [project]",
        "recmail.toml:10:21: [limits] emails_per_person: found '2 a week'; expected a limit such as 2 per 7d",
        "recmail.toml:12:13: [model] half_life: found 180; expected text in quotes",
        "recmail.toml:13:10: [model] grades: seen: unknown kind of interaction; expected searched,"
        " viewed, minute, enrolled, progressed, completed",
        "recmail.toml:14:1: topcs: unknown section; did you mean topics?",
        "recmail.toml:16:12: [delivery] provider: there is no section [provider.relay]; there are: files",
    ]


def test_sections_of_the_wrong_kind_are_said(tmp_path: Path) -> None:
    text = """\
limits = 3
provider = { relay = "smtp" }
currency = "INR"
[topics]
"Course Tips" = "Course tips"
news = ""
[attributes]
plan = "string"
[[sources]]
file = "x.csv"
[delivery]
engine = "dask"
planners = 0
"""
    assert [line for line in mistakes(tmp_path, text) if "is missing" not in line] == [
        "recmail.toml:1:10: [limits]: found 3; expected a section [limits]",
        "recmail.toml:2:22: [provider.relay]: found 'smtp'; expected a section [provider.relay]",
        "recmail.toml:3:1: currency: unknown section; it belongs into [project]",
        "recmail.toml:5:1: [topics] Course Tips: expected a name of small letters, digits, - and _",
        "recmail.toml:6:8: [topics] news: is empty",
        "recmail.toml:8:8: [attributes] plan: found 'string'; expected one of text, number, boolean, date",
        "recmail.toml:9:1: [sources]: found a list; expected a section [sources]",
        "recmail.toml:12:10: [delivery] engine: found 'dask'; expected processes or dask://HOST:PORT",
        "recmail.toml:13:12: [delivery] planners: found 0; expected a number from 1 to 256",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[project\n", "recmail.toml:1:9: expected ']' at the end of a table declaration"),
        ("[project]\nname = Acme\n", 'recmail.toml:2:8: invalid value; text needs quotes: name = "Acme"'),
        (
            "[project]\r\nname = Acme\r\n",
            'recmail.toml:2:8: invalid value; text needs quotes: name = "Acme"',
        ),
        ('[p]\na = "1"\na = "2"\n', "recmail.toml:3:8: cannot overwrite a value; this key is there twice"),
        (f"a = {'[' * 3000}{']' * 3000}", "recmail.toml: a value is too long or nested too deeply"),
        (f"a = {'9' * 5000}", "recmail.toml: a value is too long or nested too deeply"),
    ],
)
def test_broken_syntax_is_shown_where_it_is(tmp_path: Path, text: str, message: str) -> None:
    assert mistakes(tmp_path, text) == [message]


def test_a_file_in_another_encoding_or_of_another_size_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recmail.toml").write_bytes(b'[project]\nname = "Caf\xe9"\n')
    with pytest.raises(ConfigError, match=r"recmail.toml:2:12: is not UTF-8 text; save it as UTF-8"):
        load_settings(tmp_path)
    (tmp_path / "recmail.toml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        load_settings(tmp_path)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    found = load(tmp_path, "\ufeff" + MINIMAL.replace("\n", "\r\n"))
    assert found.project.name == "Acme Courses"
    assert found.origins["sender.from"] == "recmail.toml:5"


def test_the_project_is_found_from_a_folder_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, MINIMAL)
    below = tmp_path / "campaigns" / "spring"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_project() == tmp_path
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    project(elsewhere, MINIMAL)
    monkeypatch.setenv("RECMAIL_PROJECT", str(elsewhere))
    assert find_project() == elsewhere
    assert find_project(tmp_path) == tmp_path


def test_a_folder_without_settings_says_how_to_make_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"no recmail.toml here or above; run: recmail init DIR"):
        find_project()
    with pytest.raises(ConfigError, match=r"there is no recmail.toml here; run: recmail init"):
        find_project(tmp_path / "nowhere")


def test_sources_and_providers_are_kept_as_written_with_the_place_of_each_key(tmp_path: Path) -> None:
    text = MINIMAL + (
        "[provider.relay]\n"
        'type = "smtp"\n'
        'password = "env:SMTP_PASSWORD"\n'
        "[sources.events]\n"
        'course_id = { from = "context.page.path", match = "^/courses/([a-z0-9-]+)" }\n'
        "[sources.events.kinds]\n"
        '"Course Viewed" = "viewed"\n'
    )
    found = load(tmp_path, text)
    relay, events = found.providers["relay"], found.sources["events"]
    assert relay.values == {
        "type": "smtp",
        "password": Secret("env:SMTP_PASSWORD", tmp_path, "recmail.toml", 9),
    }
    assert str(relay.problem("unknown key", "type")) == (
        '    8 | type = "smtp"\n'.join(
            ["recmail.toml:8:8: [provider.relay] type: unknown key\n", "      |        ^"]
        )
    )
    assert events.values["kinds"] == {"Course Viewed": "viewed"}
    problem = events.problem("no group in it", "course_id", "match")
    assert (problem.line, problem.column) == (11, 51)
    assert events.problem("host is missing").line == 10
    assert str(found.providers["files"].problem("is missing", "folder")) == (
        "recmail.toml: [provider.files] folder: is missing"
    )
    assert "SMTP_PASSWORD" not in repr(relay.problem("unknown key", "type"))


def test_printed_holds_what_emails_show_and_nothing_of_limits_or_delivery(tmp_path: Path) -> None:
    text = MINIMAL + '[topics]\ncourse-tips = "Course tips"\n'
    printed = load(tmp_path, text).printed()
    assert printed == {
        "name": "Acme Courses",
        "from": "Acme Courses <learn@acme.example>",
        "postal_address": "12 Residency Road, Bengaluru",
        "language": "en",
        "currency": "INR",
        "timezone": "UTC",
        "topics": {"course-tips": "Course tips"},
        "brand": asdict(default_brand()),
    }
    other = load(tmp_path, text + '[delivery]\nsenders = 9\n[limits]\nemails_per_person = "1 per 1d"\n')
    assert other.printed() == printed


def test_a_relative_database_stands_in_the_project_whatever_the_current_folder(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).database_url == f"sqlite:///{tmp_path}/recmail.db"
    absolute = MINIMAL.replace("[sender]", 'database = "sqlite:////srv/recmail.db"\n[sender]')
    assert load(tmp_path, absolute).database_url == "sqlite:////srv/recmail.db"
    server = MINIMAL.replace("[sender]", 'database = "postgresql://recmail@db/recmail"\n[sender]')
    assert load(tmp_path, server).database_url == "postgresql://recmail@db/recmail"


@pytest.mark.parametrize("url", ["mysql://db/x", "sqlite://", "sqlite:///:memory:", "recmail.db"])
def test_a_database_that_recmail_cannot_use_is_refused(tmp_path: Path, url: str) -> None:
    text = MINIMAL.replace("[sender]", f'database = "{url}"\n[sender]')
    assert mistakes(tmp_path, text)[0].startswith("recmail.toml:4:12: [project] database: ")


# Lines that are nearly right find more than random characters do.
_LINES = st.sampled_from(
    [
        *MINIMAL.splitlines(),
        "[provider.x]",
        "[[sources]]",
        "a = [1,",
        "= 3",
        'k = """',
        "sender = 1",
        "x.y = {a=1}",
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(_LINES, st.text(max_size=8))).map("\n".join)))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ConfigError):
        parse_settings(SourceText("recmail.toml", text), Path("/"), flags={})


def test_a_key_as_long_as_a_book_is_shortened_in_its_answer(tmp_path: Path) -> None:
    [answer] = mistakes(tmp_path, MINIMAL + "x" * 50_000 + " = 1\n")
    assert answer.startswith("recmail.toml:7:1: [sender] xxxxxxxx")
    assert len(answer) < 700


def test_topics_and_attributes_are_the_users_own_names(tmp_path: Path) -> None:
    found = load(
        tmp_path, MINIMAL + '[topics]\nnews = "News"\n[attributes]\nplan = "text"\nseats = "number"\n'
    )
    assert found.topics == {"news": "News"}
    assert found.attributes == {"plan": "text", "seats": "number"}
    assert found.origins["attributes.seats"] == "recmail.toml:11"


def test_a_new_key_signs_and_the_oldest_one_goes_on_hashing_addresses(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).write_text(f"{name} ".ljust(40, "x") + "\n", "utf-8")
    one = load(tmp_path, MINIMAL.replace('"INR"\n', '"INR"\nkey = "file:first"\n'))
    assert (one.older_keys, one.address_key) == ((), one.key)
    older = 'key = "file:third"\nolder_keys = ["file:second", "file:first"]\n'
    rotated = load(tmp_path, MINIMAL.replace('"INR"\n', f'"INR"\n{older}'))
    assert rotated.key.startswith(b"third")
    assert [key[:6] for key in rotated.older_keys] == [b"second", b"first "]
    assert rotated.address_key == one.key


def test_an_older_key_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("too short", "utf-8")
    loaded = load(tmp_path, MINIMAL.replace('"INR"\n', '"INR"\nolder_keys = ["file:short"]\n'))
    message = r"recmail.toml:4:.*\[project\] older_keys: file:short holds fewer than 32 characters"
    with pytest.raises(ConfigError, match=message):
        _ = loaded.older_keys
    with pytest.raises(ConfigError, match=r"older_keys: .*a secret may not stand here"):
        load(tmp_path, MINIMAL.replace('"INR"\n', '"INR"\nolder_keys = ["sesame"]\n'))
