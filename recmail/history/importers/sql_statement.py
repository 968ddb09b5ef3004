"""A query that somebody wrote: one statement that only reads, with :since and no other parameter."""

from __future__ import annotations

import re

from recmail.errors import did_you_mean

_QUOTED = re.compile(
    r"""('(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*` | \$(\w*)\$.*?\$\2\$ | --[^\n]* | /\*.*?\*/)""",
    re.DOTALL | re.VERBOSE,
)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!\w|:(?!:))")  # x::text is none, and :since::date has one
_FIRST_WORD = re.compile(r"[\s(]*(\w*)")
_READS = ("select", "with", "values", "table")


def check_query(statement: str) -> str:
    """Return the statement.

    Raises:
        ValueError: it holds several, one that writes, or another parameter than :since.
    """
    bare = _QUOTED.sub(" ", statement).strip().rstrip(";")
    found = _FIRST_WORD.match(bare)
    word = found[1].lower() if found else ""
    if not word:
        raise ValueError("is empty; expected one SELECT")
    if word not in _READS:
        raise ValueError(f"begins with {word}; expected one SELECT: sources are only read")
    if ";" in bare:
        raise ValueError("holds several statements; expected one SELECT")
    for name in _PARAMETER.findall(bare):
        if name != "since":
            hint = did_you_mean(name, ["since"]) or "; :since is, the newest time that was read before"
            raise ValueError(f":{name} is not known{hint}")
    return statement


def has_since(statement: str) -> bool:
    """Whether the query asks for what is new."""
    return "since" in _PARAMETER.findall(_QUOTED.sub(" ", statement))


def as_template(statement: str) -> str:
    """The query for SQLAlchemy's text(): what looks like a parameter inside quotes or comments is none."""
    parts = _QUOTED.split(statement.strip().rstrip(";"))
    # split gives what is between, what is quoted, and the dollar quote's own tag, in turn.
    pairs = zip(parts[::3], [*parts[1::3], ""], strict=True)
    # For text() a backslash keeps a colon a colon; :since::date would be no parameter to it without.
    return "".join(bare.replace("::", r"\:\:") + quoted.replace(":", r"\:") for bare, quoted in pairs)
