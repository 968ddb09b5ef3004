"""Files of other tools, and reading them without a database."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recmail.history.importers import FileOptions

DATA = Path(__file__).parent / "data"


@dataclass
class Read:
    """All chunks of a file as one."""

    records: list[dict[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)

    def column(self, name: str) -> list[str]:
        return [record.get(name, "") for record in self.records]


def read(options: FileOptions, path: Path) -> Read:
    """Read a file to its end; cells that are empty are left out."""
    importer = options.open(path, lambda name: False)
    found = Read()
    for chunk in importer.chunks():
        assert 0 <= importer.bytes_done <= importer.bytes_total
        for record in zip(*chunk.columns, strict=True):
            cells = zip(importer.columns, record, strict=True)
            found.records.append({name: cell for name, cell in cells if cell})
        found.lines += chunk.lines.tolist()
        found.broken += [(line, reason) for line, reason, _ in chunk.broken]
        found.links += chunk.links
        found.notes += Counter(chunk.notes)
    assert importer.bytes_done == importer.bytes_total
    found.unmapped = importer.unmapped
    return found


def options_of(kind: type[FileOptions], **keys: Any) -> Any:
    """A section of recmail.toml, checked."""
    return kind.model_validate({"file": "*", **keys})


def objects_of(name: str) -> list[dict[str, Any]]:
    """The lines of a file of data/."""
    return [json.loads(line) for line in (DATA / name).read_text().splitlines()]


def write_lines(path: Path, objects: Iterable[object]) -> Path:
    """Write objects one a line, gzip when the name ends in .gz."""
    text = "".join(json.dumps(one) + "\n" for one in objects).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path
