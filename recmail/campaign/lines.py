"""Mistakes in the Jinja of a subject or preheader, in plain words and at their own place in the line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from recmail.campaign.explain import written
from recmail.campaign.yaml import Document, Path, read_yaml
from recmail.errors import Problem, RenderError, did_you_mean
from recmail.render.bundle import TemplateBundle
from recmail.render.check import check_line
from recmail.settings.source import SourceText

_TAG = re.compile(r"\{[{%#](?:.*?[}%#]\}|.*)", re.DOTALL)
# Placeholders of other tools, which would be printed as they are: *|FNAME|*, %FNAME%, ${name}, {user.name}.
_FOREIGN = re.compile(
    r"\*\|\w+(?::\w+)*\|\*|%%?[A-Z][A-Z0-9_]{2,}%%?|\$\{[\w.]+\}"
    r"|\{ ?\{?(?:user|courses?|because|first_?name)[^{}]*\}"
)
_TAGS = ("if", "elif", "else", "endif", "for", "endfor", "set", "with", "endwith")
_CHARACTERS = {
    **dict.fromkeys("“”„", 'write straight quotes: "'),
    **dict.fromkeys("‘’", "write straight quotes: '"),
    **dict.fromkeys("'\"", "this quote is never closed inside {{ }}"),
    "&": "write and",
    "?": "write: this if that else other",
    "$": "values have no $ before their name",
}
# By what Jinja says: our words (\1 is its first group), and what to look for to find the place.
_PLAIN_WORDS = (
    (r"Encountered unknown tag '(end\w*)'.*closed is '(\w+)'", r"found '\1'; expected end\2", r"\1"),
    (r"Encountered unknown tag '(end\w+)'", r"there is nothing for '\1' to end", r"\1"),
    (r"Encountered unknown tag '(\w+)'.*", r"there is no tag '\1'", r"\1"),
    (r"Unexpected end of template\..*closed is '(\w+)'", r"{% \1 %} is never closed; add {% end\1 %}", r"\1"),
    (r"unexpected end of template.*|unexpected '}'", "this {{ is never closed; add }}", ""),
    (r"Missing end of comment tag", "this {# is never closed; add #}", "{#"),
    (r"expected token 'end of .*', got '='", "to compare, write ==", "="),
    (r"expected token 'end of .*', got '(.+)'", r"found '\1'; expected the end, or a word such as or", r"\1"),
    (r"expected token 'name', got '\|'", "write or", "||"),
    (r"expected token '(.+)', got '(.+)'", r"found '\2'; expected \1", r"\2"),
    (r"(?:Expected an expression, got|unexpected) 'end of .*'", "a value is missing here", ""),
    (r"unexpected '(.+)', expected '(.+)'", r"found '\1'; expected \2", r"\1"),
    (r"(?:.* )?'(\S+?)'.*", r"\g<0>", r"\1"),
)


def line_mistakes(document: Document, line: str, path: Path) -> Iterator[Problem]:
    """Return what is wrong with the Jinja of a line: syntax, names, fields, filters and tests."""
    for error in check_line(line, name=str(path[-1])):
        # Includes are for templates; the check of templates says which there are.
        if error.message.startswith("there is no template"):
            continue
        number = max(error.line, 1)
        lines = re.split("\r\n|\r|\n", line)
        text = lines[number - 1] if number <= len(lines) else ""
        message, column = _explain(error, text, line)
        yield document.inside(path, number, column + 1, f"{written(path)}: {message}")
    outside = _TAG.sub(lambda tag: re.sub("[^\n]", " ", tag[0]), line)
    for found in _FOREIGN.finditer(outside):
        before = line[: found.start()].split("\n")
        message = f"found {found[0]}; values are written {{{{ user.first_name or 'Hello' }}}}"
        yield document.inside(path, len(before), len(before[-1]) + 1, f"{written(path)}: {message}")


def explain_template(error: RenderError, bundle: TemplateBundle, campaign: SourceText) -> Problem:
    """Return a mistake of a template where it stands: in its file, or where the campaign names the file."""
    if error.template in bundle.files:
        text = bundle.files[error.template]
        source = SourceText(f"templates/{error.template}", text)
        start = source.offset_of_line(error.line)
        message, column = _explain(error, source.line_at(start), text)
        return source.problem(start + column, message)
    document = read_yaml(campaign)
    for path, scalar in document.scalars():
        if path[-1] == "template" and f"'{scalar.text}." in error.message:
            message = error.message
            if not any(f"{scalar.text}.{kind}.j2" in bundle.files for kind in ("html", "txt")):
                message = re.sub(r"\.(?:html|txt)\.j2", "", message)  # the same for both
            return document.at_value(path, f"{written(path)}: {message}")
    return document.at_key((), f"{error.template}: {error.message}".removeprefix(": "))


def _explain(error: RenderError, text: str, line: str) -> tuple[str, int]:
    """Return the mistake in plain words, and where in its line it is, from 0."""
    said = error.message.rstrip(".")
    character = re.fullmatch(r"unexpected char (['\"])(.+)\1 at (\d+)", said)
    if character:
        before = line[: int(character[3])].split("\n")
        advice = _CHARACTERS.get(character[2], "it means nothing inside {{ }}")
        return f"found {character[2]}; {advice}", len(before[-1])
    for pattern, words, place in _PLAIN_WORDS:
        found = re.fullmatch(pattern, said, re.DOTALL)
        if found:
            tag = re.fullmatch(r"there is no tag '(\w+)'", found.expand(words))
            hint = did_you_mean(tag[1], _TAGS) if tag else ""
            return found.expand(words) + hint, _place(text, found.expand(place))
    return said, _place(text, "")


def _place(text: str, wanted: str) -> int:
    """Find a word in the tags of a line, else in the line; without it, the last tag: it was not finished."""
    tags = list(_TAG.finditer(text))
    pattern = re.compile(rf"\b{wanted}\b" if wanted.isidentifier() else re.escape(wanted))
    for tag in tags:
        found = pattern.search(text, *tag.span())
        if wanted and found:
            return found.start()
    if wanted and wanted in text:
        return text.index(wanted)
    return tags[-1].start() if tags else 0
