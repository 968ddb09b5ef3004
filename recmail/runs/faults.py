"""Says why an email could not be written without anything of the person whose email it is.

What a template raises may quote a value ("'dict object' has no attribute 'Ana'"); what is found in
everybody's emails is kept in the database and printed by whatever runs `check`.
"""

from __future__ import annotations

import re

from recmail.render.urls import ONLY

GENERIC = "a value cannot be printed here (recmail preview --user shows it)"

_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(?<=element )(-?\d+)""", re.DOTALL)
_WORD = re.compile(r"\w+")
# Of Python and Jinja; all other quoted words have to stand in the template.
_NAMES = ("str", "int", "float", "bool", "list", "dict")
_TYPES = frozenset((*_NAMES, *(f"{name} object" for name in _NAMES), "NoneType", "<", ">", "<=", ">="))
_Q = r"(?:'[^']*'|…)"
_KINDS = [
    re.compile(form)
    for form in (
        r"(the value to print is None; write \{\{ … or '' \}\}, or an \{% if %\} around it)",
        r"(cannot print a \w+; print one of its values)",
        rf"({_Q} is (?:not defined|undefined))(?:; did you mean .*)?",
        rf"((?:{_Q}|\w+ object) has no (?:attribute|element) (?:{_Q}|-?\d+))",
        r"(more than [\d,]+ characters of output; is a loop running away\?)",
        r"(a macro or include calls itself without end)",
        r"(not allowed in a template: (?:powers \(\*\*\)|a product as large as this))",
        r"(the subject is empty|the page is empty|division by zero|float division by zero)",
        r"(the styles could not be (?:inlined|read)|the page could not be read): .*",
        rf"(there is no template {_Q} in the templates folder|there is no template in {_Q})",
        rf"(unsupported operand type\(s\) for [-+*/%<>=]+: {_Q} and {_Q})",
        rf"({_Q} not supported between instances of {_Q} and {_Q})",
        rf"(\w+ is …)(?: \(line \d+ of the page\))(; {re.escape(ONLY)})",
    )
]


def kind_of_fault(message: str, written: str) -> str:
    """Return what an error says where that is known to be no value; else that there is one.

    Args:
        message: of the error.
        written: the line of the template where it happened: what stands there may be repeated.
    """
    words = _TYPES | set(_WORD.findall(written))

    def shown(quoted: re.Match[str]) -> str:
        word = quoted[1] or quoted[2] or quoted[3]
        return quoted[0] if not word or word in words else "…"

    message = _QUOTED.sub(shown, message)
    for kind in _KINDS:
        if found := kind.fullmatch(message):
            return "".join(found.groups())
    return GENERIC
