"""Every error that recmail raises on purpose: one class for each thing a caller would do differently.

RecmailError
  ConfigError           campaign or settings file (file, line, column)
  DataError             histories or catalogue (source, row)
  ModelError            not fitted, too little data, other version
  RenderError           template (template, line, user_id)
  RefusedError          a guard said no
  StorageError          the database: locked, full, read-only
  DeliveryError
    RecipientRefused    this address
    MessageRefused      this message, for good
    AccountRefused      our account: pause the run, fail nobody
    TemporaryFailure    try again; the body had not left
    OutcomeUnknown      the body left, no answer came
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial


class RecmailError(Exception):
    """Something that a person can mend; its text says what, where and what to do."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a file, at its place; line and column count from 1, 0 where unknown."""

    file: str
    line: int
    column: int
    message: str
    source_line: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{place}: {self.message}"
        if not self.source_line:
            return text
        caret = " " * max(self.column - 1, 0) + "^"
        return f"{text}\n{self.line:>5} | {self.source_line}\n      | {caret}"


class ConfigError(RecmailError):
    """A campaign or settings file has mistakes: all of them, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[Problem]]]:
        # Errors of planning come back from other processes.
        return type(self), (self.problems,)


def did_you_mean(found: str, names: Iterable[str]) -> str:
    """Return "; did you mean x?" for the closest of `names`, or nothing when none is close."""
    meant = nearest(found, names)
    return f"; did you mean {meant}?" if meant else ""


def nearest(found: str, names: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the closest of `names`, or nothing when none is close: a share of equal letters, `cutoff`."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(found.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else ""


class DataError(RecmailError):
    """A history, catalogue or other data file cannot be used as it is."""


class ModelError(RecmailError):
    """There is no model that fits: none trained, another catalogue, or too little data."""


class RenderError(RecmailError):
    """A template failed; `user_id` is empty when no person was involved."""

    def __init__(self, message: str, *, template: str = "", line: int = 0, user_id: str = "") -> None:
        self.message, self.template, self.line, self.user_id = message, template, line, user_id
        place = f"{template}:{line}: " if line else f"{template}: " if template else ""
        super().__init__(f"{place}{message}" + (f" (for user {user_id})" if user_id else ""))

    def __reduce__(self) -> tuple[partial[RenderError], tuple[str]]:
        rebuild = partial(RenderError, template=self.template, line=self.line, user_id=self.user_id)
        return rebuild, (self.message,)


class RefusedError(RecmailError):
    """A guard said no: not approved, too many people, unconfirmed."""


class StorageError(RecmailError):
    """The database could not be read or written: locked, full, read-only or missing."""


class DeliveryError(RecmailError):
    """A message was not delivered; the subclass says what follows from it."""


class RecipientRefused(DeliveryError):  # noqa: N818 - the name says what happened, as DESIGN has it
    """The server refuses this address for good; `dead` when it no longer exists (5.1.x): suppress it."""

    def __init__(self, message: str, *, dead: bool = False) -> None:
        super().__init__(message)
        self.dead = dead


class MessageRefused(DeliveryError):  # noqa: N818
    """The server refuses this message for good; the address may be fine."""


class AccountRefused(DeliveryError):  # noqa: N818
    """The server refuses us: wrong password, no TLS, account paused. Nobody fails because of it."""


class TemporaryFailure(DeliveryError):  # noqa: N818
    """Try again later; the body had not left. `slows`: the provider wants fewer messages, from all of us."""

    def __init__(self, message: str, *, retry_after_s: float | None = None, slows: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.slows = slows or retry_after_s is not None


class OutcomeUnknown(DeliveryError):  # noqa: N818
    """The body left and no answer came: the message may have arrived."""
