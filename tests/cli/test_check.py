"""`recmail check`: for people, for programs, for GitHub, for editors, and while somebody types."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings

from recmail.campaign.schema import FILE
from recmail.cli import main
from tests.campaign.test_reading import FULL, TEXTS
from tests.cli.conftest import AT, read_json, recmail

GOOD = "subject: Hello\naudience: everyone\nblocks:\n  - popular: 3\n"
BAD = GOOD.replace("popular", "popluar").replace("Hello", '"{{ nmae }}"')
TIMEOUT_S = 60.0


def test_problems_are_objects_for_programs(project: Path) -> None:
    (project / "campaigns" / "bad.yaml").write_text(BAD)
    [found] = read_json(recmail("check", "bad", "--json", project=project, code=3))["campaigns"]
    assert (found["campaign"], found["good"], found["people"]) == ("bad", False, None)
    assert found["problems"] == [
        {
            "file": "campaigns/bad.yaml",
            "line": 1,
            "column": 14,
            "message": "subject: 'nmae' is not defined",
            "source_line": 'subject: "{{ nmae }}"',
            "severity": "error",
        },
        {
            "file": "campaigns/bad.yaml",
            "line": 4,
            "column": 5,
            "message": "blocks[0]: unknown block 'popluar'; did you mean popular?",
            "source_line": "  - popluar: 3",
            "severity": "error",
        },
    ]


def test_a_template_that_is_inlined_for_every_message_is_told_with_what_it_costs(project: Path) -> None:
    style = project / "templates" / "style.css"
    style.write_text(style.read_text("utf-8") + ".row p:first-child { color: red }\n", "utf-8")
    [found] = read_json(recmail("check", "weekly-picks", "--json", "--now", AT, project=project))["campaigns"]
    assert found["good"]
    assert found["styles_inlined"] == "per message"
    assert found["inlining_ms"] > 0
    [(severity, place, message)] = [
        (one["severity"], f"{one['file']}:{one['line']}", one["message"]) for one in found["problems"]
    ]
    assert (severity, place) == (
        "warning",
        f"templates/style.css:{len(style.read_text('utf-8').splitlines())}",
    )
    assert message.endswith("give the tag a class")
    shown = recmail("check", "weekly-picks", "--now", AT, project=project)
    assert "its styles are inlined for every message, not once for all (" in shown.stderr
    assert f"slow: {place}:1: {message}" in shown.stderr
    told = recmail("doctor", "--now", AT, project=project).stdout
    assert "weekly-picks: its styles are inlined for every message, not once for all (" in " ".join(
        told.split()
    )
    planned = recmail("plan", "weekly-picks", "--now", AT, project=project).stderr
    assert "its styles are inlined for every message, not once for all (" in planned


def test_what_was_found_out_about_templates_is_kept_until_they_change(empty: Path) -> None:
    (empty / "campaigns" / "kept.yaml").write_text(GOOD)
    style, kept = empty / "templates" / "style.css", empty / ".recmail" / "cache" / "inlining.json"

    def found() -> str:
        [one] = read_json(recmail("check", "kept", "--json", project=empty))["campaigns"]
        return one["styles_inlined"]

    shipped = style.read_text("utf-8")
    assert found() == "once"
    assert (kept.parent / ".gitignore").read_text() == "*\n"
    style.write_text(shipped + ".row + .row { color: red }\n", "utf-8")
    assert found() == "per message"
    kept.write_text(kept.read_text().replace("weekly", "monthly"))
    assert found() == "per message"
    for garbage in ("", "{", "[]", '{"0.1.0": 1}', kept.read_text().replace('"line"', '"row"')):
        kept.write_text(garbage)
        assert found() == "per message"
    style.write_text(shipped, "utf-8")
    assert found() == "once"


def test_styles_that_no_message_could_be_sent_with_are_an_error(project: Path) -> None:
    style = project / "templates" / "style.css"
    style.write_text("p { top: 0 }\n@media screen { @media print { p { color: red } } }\n", "utf-8")
    shown = recmail("check", "weekly-picks", "--now", AT, project=project, code=3)
    assert (
        "templates/style.css:1:1: the styles could not be inlined: a media query stands inside"
        in shown.stderr
    )


def test_a_rule_that_leaves_nobody_is_named(project: Path) -> None:
    who = 'audience: |\n  last_seen within 900d\n  and country == "NZ"\n  and first_name is set\n'
    (project / "campaigns" / "nobody.yaml").write_text(GOOD.replace("audience: everyone\n", who))
    result = recmail("check", "nobody", "--now", AT, project=project)
    assert result.stdout == "nobody: good; 0 people in the audience\n"
    assert 'nobody is left after the rule: country == "NZ"\n' in result.stderr
    assert 'have as country, most common first: "IN" (' in result.stderr
    [found] = read_json(recmail("check", "nobody", "--now", AT, "--json", project=project))["campaigns"]
    assert found["emptied_by"] == 'country == "NZ"'
    assert found["instead"][0] == {"field": "country", "value": "IN", "people": found["instead"][0]["people"]}
    assert len(found["instead"]) == 5


def test_a_name_that_is_not_there_is_said_once(project: Path) -> None:
    """Nobody is in such a cluster: that is no news beside it."""
    who = 'audience: in_cluster("Dta science")\n'
    (project / "campaigns" / "nobody.yaml").write_text(GOOD.replace("audience: everyone\n", who))
    shown = recmail("check", "nobody", "--now", AT, project=project, code=3)
    assert "there is no cluster 'Dta science'" in shown.stderr
    assert "nobody is left" not in shown.stderr
    assert shown.stdout == "nobody: 1 problem; 0 people in the audience\n"


def test_mistakes_of_settings_are_objects_too(project: Path) -> None:
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text().replace("[topics]", "[topcis]"))
    error = json.loads(recmail("check", "--json", project=project, code=3).stdout)["error"]
    assert error["problems"][0]["file"] == "recmail.toml"
    assert "did you mean topics?" in error["problems"][0]["message"]
    assert "::error file=" in recmail("check", "--github", project=project, code=3).stdout


def test_annotations_for_github_are_escaped_and_point_into_the_repository(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    (project / "campaigns" / "bad.yaml").write_text(
        GOOD + "exposure: {max_share_per_course: 5}\nspeed: fast\n"
    )
    lines = recmail("check", "bad", "--github", project=project, code=3).stdout.splitlines()
    assert lines == [
        "::error file=acme/campaigns/bad.yaml,line=5,col=34::exposure.max_share_per_course: found 5; "
        "expected a percentage from 0%25 to 100%25, such as 5%25; write 5%25",
        "::error file=acme/campaigns/bad.yaml,line=6,col=8::speed: found 'fast'; "
        "expected a rate such as 5000 per hour",
    ]


def test_a_mistake_in_a_template_is_annotated_once_for_all_campaigns(project: Path) -> None:
    template = project / "templates" / "weekly.txt.j2"
    template.write_text("{{ courses[0].titel }}\n" + template.read_text())
    lines = recmail("check", "--github", project=project, code=3).stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith("weekly.txt.j2,line=1,col=15::'titel' is not defined; did you mean title?")


def test_the_templates_of_variants_are_checked(project: Path) -> None:
    variants = "variants:\n  - {name: a, share: 50%}\n  - {name: b, share: 50%, template: weely}\n"
    (project / "campaigns" / "bad.yaml").write_text(GOOD + variants)
    said = recmail("check", "bad", project=project, code=3).stderr
    assert said.count("bad.yaml:7:37: variants[1].template: there is no template 'weely'") == 1


def test_the_schema_is_there_and_is_renewed(project: Path) -> None:
    schema = project / FILE
    before = json.loads(schema.read_text())
    assert before["properties"]["topic"]["enum"] == ["course-tips"]
    assert "out of date" not in recmail("check", project=project).stderr
    toml = project / "recmail.toml"
    toml.write_text(toml.read_text().replace("[topics]", '[topics]\nnews = "News"\n#'))
    assert "recmail check --schema" in recmail("check", project=project).stderr
    recmail("check", "--schema", project=project)
    assert json.loads(schema.read_text())["properties"]["topic"]["enum"] == ["course-tips", "news"]
    schema.unlink()
    recmail("init", project, "--upgrade")
    assert schema.is_file()


def test_one_way_of_telling_at_a_time(project: Path) -> None:
    for words in (["--watch", "--json"], ["--github", "--json"], ["--watch", "--github"]):
        assert "one of" in recmail("check", *words, project=project, code=2).stderr


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without data."""
    folder = tmp_path_factory.mktemp("check") / "acme"
    recmail("init", folder, "--name", "Acme")
    return folder


@given(text=TEXTS)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_file_says_check_ends_with_0_or_3(empty: Path, text: str) -> None:
    file = empty / "campaigns" / "fuzz.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    result = CliRunner().invoke(main, ["check", "fuzz", "--now", AT, "--project", str(empty)])
    assert result.exception is None or isinstance(result.exception, SystemExit), text
    assert result.exit_code in (0, 3), result.output
    assert "fuzz: " in result.stdout


class Watched:
    """A running `check --watch`, and the lines that it prints."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, wanted: str) -> str:
        """All that is printed until a line holds some words."""
        said = ""
        while wanted not in said:
            said += self._lines.get(timeout=TIMEOUT_S)
        return said


@contextmanager
def watching(project: Path, *arguments: str) -> Iterator[Watched]:
    words = [sys.executable, "-m", "recmail", "check", "--watch", "--project", str(project), *arguments]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    with process:
        try:
            yield Watched(process)
        finally:
            process.kill()


def replace(path: Path, text: str) -> None:
    """Save as many editors do: a new file takes the old one's name."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_watching_says_what_is_wrong_until_it_is_mended(empty: Path) -> None:
    campaign = empty / "campaigns" / "live.yaml"
    campaign.write_text(GOOD)
    with watching(empty, "live") as watched:
        assert "problem" not in watched.until("live: good")
        watched.until("Ctrl-C ends")
        replace(campaign, GOOD.replace("popular", "popluar"))
        assert "did you mean popular?" in watched.until("live: 1 problem")
        watched.until("Ctrl-C ends")
        replace(campaign, GOOD)
        assert "did you mean" not in watched.until("live: good")
        watched.until("Ctrl-C ends")
        toml = empty / "recmail.toml"
        before = toml.read_text()
        replace(toml, before.replace("[topics]", "[topcis]"))
        assert "did you mean topics?" in watched.until("Ctrl-C ends")
        replace(toml, before)
        watched.until("live: good")
        watched.until("Ctrl-C ends")
        (empty / "templates" / "parts").mkdir()
        (empty / "templates" / "parts" / "new.j2").write_text("new")
        watched.until("live: good")
        watched.until("Ctrl-C ends")
        watched.process.send_signal(signal.SIGINT)
        assert watched.process.wait(TIMEOUT_S) == 0


def test_check_starts_without_what_it_does_not_need(empty: Path) -> None:
    """It has a second, its start included; these take a tenth of it each, or more.

    New templates need premailer to find out whether they can be inlined once: that is remembered.
    """
    (empty / "campaigns" / "full.yaml").write_text(FULL)
    script = (
        "import sys\n"
        "from recmail.cli import main\n"
        f"main(['check', 'full', '--project', {str(empty)!r}], standalone_mode=False)\n"
        "heavy = {'pandas', 'scipy', 'surprise', 'alembic', 'lxml', 'premailer', 'pyarrow', 'watchfiles'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    recmail("check", "full", project=empty)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    good, _goes_out, loaded = done.stdout.splitlines()
    assert (good, loaded) == ("full: good; 0 people in the audience", "[]")
