"""What a YAML parser complains about, in the words of somebody who writes a campaign."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

from recmail.errors import Problem
from recmail.settings.source import SourceText

_DOES_NOT_FIT = "does not fit in here; check the indentation and the quotes"
_UNQUOTED_TEMPLATE = re.compile(r"^\s*(?:- )?(?:[\w-]+:\s+|- )?(\{[{%])")
_FIRST_OF_VALUE = re.compile(r"^\s*(?:- )?(?:[\w-]+:\s+|- )?([\"'*&!])")
_VALUE = re.compile(r"\s*(?:- +)*(?:[\w-]+:\s+)?")
_COLON = "put text that contains ': ' in quotes"
_ESCAPES = ("found unknown escape character", "expected escape sequence")
_WORD_AND_COLON = re.compile(r"\s*(?:- )?[\w-]+\Z")

# By the beginning of what ruamel.yaml says.
_PLAIN_WORDS = {
    "found unknown escape character": "in double quotes a backslash is written twice; or use 'single quotes'",
    "expected escape sequence": "\\x, \\u and \\U take 2, 4 and 8 hexadecimal digits; or use 'single quotes'",
    "could not find expected ':'": "expected key: value",
    "found unexpected ':'": "put text that contains ':' in quotes",
    "sequence entries are not allowed here": "a list begins on the next line, each item with -",
    "expected a comment or a line break": "text after | or > begins on the next line",
    "expected chomping or indentation": "text after | or > begins on the next line",
    "expected ',' or ']'": "the list that begins with [ is not closed, or a comma is missing",
    "expected ',' or '}'": "what begins with { is not closed, or a comma is missing",
    "expected the node content": "a value is missing here",
    "expected": _DOES_NOT_FIT,
}


def explain_syntax(source: SourceText, error: MarkedYAMLError) -> tuple[Problem, bool]:
    """Return the mistake that ended the reading of a file, where a person would mend it.

    Returns:
        The mistake, and whether it is in the value of its line only, so that the rest can be read.
    """
    found = error.problem or "cannot be read"
    mark = error.problem_mark or error.context_mark
    offset = min(mark.index, len(source.text)) if mark else 0
    line = source.line_at(offset)
    column = source.place(offset)[1]
    if template := _UNQUOTED_TEMPLATE.match(line):
        start = offset - column + 1 + template.start(1)
        return source.problem(start, f"text that begins with {template[1]} must be in quotes"), True
    if error.context_mark and found.startswith("found unexpected") and "quoted" in (error.context or ""):
        return source.problem(error.context_mark.index, "this quote is never closed"), False
    if found.startswith("found character"):
        character = source.text[offset : offset + 1]
        return source.problem(offset, _about_character(character)), character != "\t"
    if found == "mapping values are not allowed here":
        message = _about_colon(line[: column - 1])
        return source.problem(offset, message), message == _COLON
    first = _FIRST_OF_VALUE.match(line)
    if first and found.startswith("expected <block end>") and column > 1:
        return source.problem(offset, _about_beginning(first[1])), True
    if error.context_mark and found.startswith("expected ',' or") and not line[: column - 1].strip():
        offset = error.context_mark.index  # nothing closed it before this line began
    known = next((words for start, words in _PLAIN_WORDS.items() if found.startswith(start)), found)
    return source.problem(offset, known), found.startswith(_ESCAPES)


def without_value(text: str, start: int, end: int) -> str:
    """Return a text in which the value of one line is of no meaning, and everything else at its place.

    Args:
        start: where the line begins.
        end: where it ends.
    """
    value = _VALUE.match(text, start, end)
    at = value.end() if value else start
    return f"{text[:at]}{'x' * (end - at)}{text[end:]}"


def _about_character(character: str) -> str:
    if character == "\t":
        return "indent with spaces, not tabs"
    return f"text that begins with {character} must be in quotes"


def _about_beginning(character: str) -> str:
    if character in "\"'":
        return "quotes must hold the whole text, from its beginning to its end"
    return _about_character(character)


def _about_colon(before: str) -> str:
    if not _WORD_AND_COLON.match(before):
        return _COLON
    if before[:1].isspace():
        return "this line is indented deeper than the one above allows; check the indentation"
    return "expected key: value in the line above, with a space after the colon"
