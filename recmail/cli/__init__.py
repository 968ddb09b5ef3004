"""What a person types: one file per command, found by its name."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from typing import Any

import click

from recmail import __version__

# The order in which a newcomer needs them; a new command's file appears below these by itself.
_ORDER = (
    "init",
    "doctor",
    "import",
    "data",
    "train",
    "models",
    "check",
    "preview",
    "plan",
    "diff",
    "approve",
    "send",
    "runs",
    "run",
    "report",
    "why",
    "schedule",
    "serve",
    "work",
    "user",
    "export",
    "expire",
)
_GARBAGE_AFTER = 50_000  # objects more than before
_NOT_COMMANDS = {"command", "follow", "github", "imported", "returned", "story", "terminal", "working"}


class _Commands(click.Group):
    """The commands are the files of this folder; `import_.py` holds `import`, which Python reserves."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; looking for garbage while modules are imported finds none and takes time."""
        gc.set_threshold(_GARBAGE_AFTER)
        return super().main(*args, **kwargs)

    def list_commands(self, _context: click.Context) -> list[str]:
        found = {module.name.rstrip("_").replace("_", "-") for module in pkgutil.iter_modules(__path__)}
        found -= _NOT_COMMANDS
        return [name for name in _ORDER if name in found] + sorted(found - set(_ORDER))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(context):
            return None
        module_name = name.replace("-", "_") + ("_" if name == "import" else "")
        module = importlib.import_module(f"recmail.cli.{module_name}")
        command: click.Command = module.command
        return command


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="A first campaign in two lines: recmail init acme --demo, then follow what it prints.",
)
@click.version_option(__version__, prog_name="recmail")
def main() -> None:
    """Personal course recommendations by email, with an exact account of everybody.

    A campaign is a file that you write. Each time it goes out is a run, with a number: plan makes it,
    approve signs it, send sends it, and runs shows what happened to everybody.

    Exit codes: 0 ok, 1 failed, 2 usage, 3 invalid input, 4 refused,
    5 finished with failures, 130 interrupted.
    """
