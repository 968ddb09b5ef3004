"""What was edited since a run was planned: its campaign, the templates it uses, what recmail.toml prints."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from recmail.campaign import parse_frozen
from recmail.errors import ConfigError, RenderError
from recmail.render.brand import branded
from recmail.render.bundle import TemplateBundle, load_bundle
from recmail.render.links import used_by
from recmail.runs.editions import editions_of
from recmail.runs.project import Project
from recmail.settings.loading import FILE_NAME
from recmail.settings.sections import default_brand
from recmail.settings.source import printable, read_source


@dataclass(frozen=True)
class Edit:
    """A file that is not any more as a run froze it.

    Attributes:
        lines: the change as a unified diff, or why there is none.
    """

    file: str
    lines: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """The edit with stable keys, for --json."""
        return {"file": self.file, "diff": list(self.lines)}


def edits_since(project: Project, run: Mapping[str, Any]) -> list[Edit]:
    """Compare what a run froze with the files as they are; a run does not contain what is returned.

    What is not printed, such as limits and how mail is delivered, is no edit: it always counts as it is now.
    """
    return [*_campaign(project, run), *_templates(project, run), *_settings(project, run)]


def unified(before: str, after: str, names: tuple[str, str]) -> list[str]:
    """The lines of a unified diff, as they may reach a terminal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, n=1, lineterm="")
    return [printable(line) for line in lines]


def _campaign(project: Project, run: Mapping[str, Any]) -> Iterator[Edit]:
    file = f"campaigns/{run['campaign']}.yaml"
    try:
        text = read_source(project.folder / file, file=file).text
    except ConfigError as error:
        yield Edit(file, [printable(str(error))])
        return
    yield from _edit(run, file, run["campaign_yaml"], text)


def _templates(project: Project, run: Mapping[str, Any]) -> Iterator[Edit]:
    frozen = TemplateBundle.from_json(run["template_bundle"])
    try:
        now = load_bundle(project.folder / "templates")
    except RenderError as error:
        yield Edit("templates", [printable(str(error))])
        return
    # In the run's own colours: those of recmail.toml are told once, and not for every template.
    now = branded(now, run["settings"]["printed"].get("brand") or asdict(default_brand()))
    for name in _used(run, frozen, now):
        yield from _edit(run, f"templates/{name}", frozen.files.get(name, ""), now.files.get(name, ""))


def _used(run: Mapping[str, Any], *bundles: TemplateBundle) -> list[str]:
    """The templates that the run's campaign uses, then or now."""
    campaign, used = parse_frozen(run["campaign_yaml"], run["campaign"]), set[str]()
    for bundle in bundles:
        for edition in editions_of(campaign, bundle):
            for part in ("html", "txt"):
                used.update(used_by(bundle, f"{edition}.{part}.j2", suffix=""))
    return sorted(used)


def _settings(project: Project, run: Mapping[str, Any]) -> Iterator[Edit]:
    printed = run["settings"]["printed"]
    now = {**project.settings.printed(), "reply_to": printed["reply_to"]}
    if parse_frozen(run["campaign_yaml"], run["campaign"]).from_:
        now["from"] = printed["from"]  # the campaign's own
    if printed.get("brand") is None:
        now.pop("brand")  # a run of before there was one
    yield from _edit(run, FILE_NAME, _as_text(printed), _as_text(now))


def _as_text(printed: Mapping[str, Any]) -> str:
    flat = {
        f"{name}.{key}" if isinstance(value, dict) else name: inner
        for name, value in printed.items()
        for key, inner in (value.items() if isinstance(value, dict) else [("", value)])
    }
    return "\n".join(f"{name} = {value!r}" for name, value in sorted(flat.items()))


def _edit(run: Mapping[str, Any], file: str, before: str, after: str) -> Iterator[Edit]:
    if lines := unified(before, after, (f"{file} as run {run['run_no']} froze it", f"{file} now")):
        yield Edit(file, lines)
