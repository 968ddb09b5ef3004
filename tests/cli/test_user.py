"""What one person asks is answered from the command line, and who asked is written down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import AT, read_json, recmail


def waiting_people(project: Path, run: int) -> list[str]:
    """The user_ids of those who wait in a run and have a name."""
    query = "select user_id from users join ledger using (user_no) where run_no = ? and state = 'planned'"
    with sqlite3.connect(project / "recmail.db") as database:
        found = database.execute(f"{query} and last_name is not null order by user_no", [run])
        people = [user_id for (user_id,) in found]
    database.close()
    return people


def test_who_says_no_or_is_erased_is_left_out_of_a_run_which_stays_what_was_approved(
    project: Path, planned: Callable[..., tuple[int, int]]
) -> None:
    run, people = planned()
    first, second, user = waiting_people(project, run)[:3]
    at = ("--now", AT, "--project", project)
    _say_no(first, second, at)
    rehearsed = read_json(recmail("user", "erase", user, "--dry-run", "--json", *at))
    assert (rehearsed["dry_run"], rehearsed["waiting"]) == (True, 1)
    assert rehearsed["yours"] == ["data/interactions.csv", "data/users.csv"]
    nobody = recmail("user", "erase", user, *at, code=4)
    assert f"nobody was erased. Erase {user} (" in nobody.stderr
    assert f"add --yes --expect {user}" in nobody.stderr
    wrong = recmail("user", "erase", user, "--yes", "--expect", "u9", *at, code=4)
    assert f"nobody was erased: found {user!r}, expected 'u9'" in wrong.stderr
    gone = recmail("user", "erase", user, "--yes", "--expect", user, *at).stdout
    assert f"{user} was erased" in gone
    assert "1 waiting message is not sent" in gone
    sent = read_json(recmail("send", run, "--yes", "--expect", people - 1, "--json", *at))
    assert (sent["mailed"], sent["waiting"]) == (people - 3, 0)
    account = recmail("runs", run, project=project).stdout
    assert "erased" in account
    again = recmail("import", "users", project / "data" / "users.csv", project=project)
    assert "1 of erased people, left out" in again.stdout + again.stderr
    assert "was erased on 2026-11-02" in recmail("user", "erase", user, *at).stderr
    for words in (("user", "show"), ("user", "unsubscribe"), ("why",)):
        refused = recmail(*words, user, *at, code=4).stderr
        assert refused == f"{user} was erased on 2026-11-02: nothing is known of them\n"


def _say_no(first: str, second: str, at: tuple[object, ...]) -> None:
    """One of them to everything, on the phone; the other to a topic."""
    stopped = recmail("user", "unsubscribe", first, "--proof", "phone call", *at)
    assert f"{first} gets no more emails at all" in stopped.stdout
    assert "1 message waits: not sent" in stopped.stderr
    topic = read_json(recmail("user", "unsubscribe", second, "--topic", "course-tips", "--json", *at))
    assert (topic["topic"], topic["accounts"], topic["waiting"]) == ("course-tips", 1, 1)
    unknown = recmail("user", "unsubscribe", first, "--topic", "course-tip", *at, code=4)
    assert "did you mean course-tips?" in unknown.stderr
    said = read_json(recmail("user", "show", first, "--json", *at))["consents"][-1]
    assert (said["granted"], said["channel"], said["proof"]) == (False, "console", "phone call")


def test_an_export_is_whole_private_and_written_down(
    project: Path, planned: Callable[..., tuple[int, int]], tmp_path: Path
) -> None:
    run, _ = planned()
    user = waiting_people(project, run)[0]
    out = tmp_path / "for them.json"
    recmail("preview", "weekly-picks", "--user", user, "--now", AT, project=project)
    recmail("user", "export", user, "--out", out, "--now", AT, project=project)
    assert out.stat().st_mode & 0o777 == 0o600
    document = json.loads(out.read_text("utf-8"))
    assert (document["schema_version"], document["user_id"]) == (1, user)
    facts = {one["name"]: one for one in document["facts"]}
    assert facts["email"]["origin"].startswith("import of demo, 2026-11-02")
    assert all(one["source"] == "demo" for one in document["interactions"])
    [message] = document["messages"]
    assert (message["run"], message["outcome"]) == (run, "waiting")
    assert message["printed"]["user"]["first_name"] == facts["first_name"]["value"]
    assert all(course["title"] and course["chosen_by"] for course in message["printed"]["courses"])
    assert [one["granted"] for one in document["consents"] if one["purpose"] == "email"][-1:] == [True]
    shown = recmail("user", "show", user, "--now", AT, project=project).stdout
    assert facts["email"]["value"] in shown
    assert "weekly-picks" in shown
    found = read_json(recmail("user", "audit", user, "--json", project=project))["accesses"]
    assert [one["action"] for one in found] == ["user show", "user export", "preview"]
    assert found[1]["detail"] == {"where": str(out)}


def test_ages_are_needed_to_expire(project: Path) -> None:
    nothing = recmail("expire", "--now", "2030-01-01", project=project)
    assert 'give it one in recmail.toml: [retention] interactions = "3y"' in nothing.stderr
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text("utf-8") + '[retention]\ninteractions = "3y"\n', "utf-8")
    counted = recmail("expire", "--dry-run", "--now", "2030-01-01", project=project).stdout
    gone = read_json(recmail("expire", "--json", "--now", "2030-01-01", project=project))["gone"]
    assert f"{gone['interactions']:,}" in counted
    assert "nothing is too old" in recmail("expire", "--now", "2030-01-01", project=project).stderr
    wrong = toml.read_text("utf-8").replace('"3y"', '"3m"')
    toml.write_text(wrong, "utf-8")
    refused = recmail("expire", project=project, code=3)
    assert "expected an age such as 30d, 13 months or 3y" in refused.stderr


def test_nothing_is_imported_under_another_key_which_would_find_nobodys_no(project: Path) -> None:
    key = project / ".recmail" / "key"
    kept = key.read_text("utf-8")
    key.write_text("another key, of 32 letters or more", "utf-8")
    words = ("import", "users", project / "data" / "users.csv")
    refused = recmail(*words, project=project, code=4).stderr
    assert refused.startswith("nothing was imported: the addresses here are hashed with another key")
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text("utf-8") + '[sources.users]\nfile = "data/users.csv"\n', "utf-8")
    assert "hashed with another key" in recmail("import", project=project, code=4).output
    found = read_json(recmail("doctor", "--offline", "--json", project=project, code=1))["findings"]
    [advice] = [one["next"] for one in found if one["check"] == "key of addresses"]
    assert advice == "bring that key back, or list it last in [project] older_keys"
    (project / ".recmail" / "older").write_text(kept, "utf-8")
    both = 'key = "file:.recmail/key"\nolder_keys = ["file:.recmail/older"]'
    toml.write_text(toml.read_text("utf-8").replace('key = "file:.recmail/key"', both), "utf-8")
    recmail(*words, project=project)
