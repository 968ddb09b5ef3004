"""Makes caniemail.json from the data of caniemail.com: who of the major mail clients lacks which feature.

Upstream is https://www.caniemail.com/api/data.json, also data/caniemail.json in the npm package caniemail:

    python -m recmail.render.lint.renew_caniemail data.json

The licence of the data (MIT) is caniemail.LICENSE beside this file.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recmail.render.lint.clients import CLIENTS
from recmail.render.lint.features import OF_TAGS

RENEWED = Path(__file__).with_name("caniemail.json")
# Most selectors are inlined, and media queries and fonts are additions for those clients that have them.
_STYLES = re.compile(
    r"css-(?!selector|pseudo-class|at-(?!import)|comments|important|nesting|sytem|unit-initial|inert)"
)


def reduced(upstream: Mapping[str, Any]) -> dict[str, Any]:
    """Return the features that a major client lacks as of its newest test: the title, and those clients."""
    features = {}
    for feature in upstream["data"]:
        lacking = [
            f"{family}.{platform}"
            for family, platforms in CLIENTS.items()
            for platform in platforms
            if _newest(feature["stats"].get(family, {}).get(platform, {})).startswith("n")
        ]
        slug = feature["slug"]
        if lacking and (slug in OF_TAGS or _STYLES.match(slug)):
            features[slug] = [feature["title"].strip(), " ".join(lacking)]
    return {
        "source": "https://www.caniemail.com/api/data.json",
        "licence": "MIT: caniemail.LICENSE",
        "api_version": upstream["api_version"],
        "last_update_date": upstream["last_update_date"],
        "features": dict(sorted(features.items())),
    }


def written(data: Mapping[str, Any]) -> str:
    """Return the file's text, one feature a line, so that a renewal can be read as a diff."""
    head = json.dumps({**data, "features": {}}, indent=1)
    lines = [f"  {json.dumps(slug)}: {json.dumps(words)}" for slug, words in data["features"].items()]
    return head.replace('"features": {}', '"features": {\n' + ",\n".join(lines) + "\n }") + "\n"


def _newest(tests: Mapping[str, str]) -> str:
    """Return the result of the newest version that was tested; upstream has them oldest first."""
    return list(tests.values())[-1] if tests else ""


def main() -> int:
    """Renew the file from the one that is named."""
    upstream = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    RENEWED.write_text(written(reduced(upstream)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
