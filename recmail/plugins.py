"""From a name that somebody wrote to the class it means: its file, or an entry point.

A plug-in is a file: recmail/recommend/blocks/top_picks.py holds the class TopPicks, and campaigns call it
top_picks. Other packages add theirs under the entry point group recmail.recommend.blocks.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import pkgutil
import re
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from recmail.errors import ConfigError, Problem, did_you_mean


def names(package: str) -> list[str]:
    """Return the names of all plug-ins of a package such as "recommend.blocks", in alphabetical order."""
    return sorted({*_files(package), *_entry_points(package)})


def load(package: str, name: str) -> type:
    """Return the class that a plug-in's name stands for; recmail's own file wins over an entry point.

    Raises:
        ConfigError: there is no such plug-in, or the package that brings it cannot be imported.
    """
    if name in _files(package):
        module = importlib.import_module(f"recmail.{package}.{name}")
        found: object = getattr(module, class_name(name))
    else:
        found = _load_entry_point(package, name)
    if not isinstance(found, type):
        raise _error(package, f"{name!r} is not a class")
    return found


def class_name(name: str) -> str:
    """Return the class that the file of a plug-in holds: because_you_took.py holds BecauseYouTook."""
    return "".join(part.capitalize() for part in name.split("_"))


@cache
def _files(package: str) -> list[str]:
    return [
        module.name
        for module in pkgutil.iter_modules(importlib.import_module(f"recmail.{package}").__path__)
        if not module.name.startswith("_")
        and _holds_its_class(f"recmail.{package}.{module.name}", module.name)
    ]


def _holds_its_class(module: str, name: str) -> bool:
    """Tell a plug-in from other files of its folder by its text: importing it may take a second."""
    spec = importlib.util.find_spec(module)
    loader = spec.loader if spec else None
    source = loader.get_source(module) if isinstance(loader, importlib.abc.InspectLoader) else None
    return re.search(rf"^class {class_name(name)}\b", source or "", re.MULTILINE) is not None


@cache  # looking through all installed packages takes 9 ms, and a campaign asks a dozen times
def _entry_points(package: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"recmail.{package}")}


def _load_entry_point(package: str, name: str) -> object:
    known = _entry_points(package)
    if name not in known:
        every = names(package)
        hint = did_you_mean(name, every) or f"; there are: {', '.join(every) or 'none'}"
        raise _error(package, f"there is no {name!r}{hint}")
    try:
        found: object = known[name].load()
    except (ImportError, AttributeError) as error:
        raise _error(package, f"{name!r} cannot be loaded from {known[name].value}: {error}") from error
    return found


def _error(package: str, message: str) -> ConfigError:
    return ConfigError([Problem(f"recmail.{package}", 0, 0, message)])
