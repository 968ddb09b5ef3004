"""Whole emails, as they are sent, against tests/golden/.

After a change that is meant: RECMAIL_UPDATE_GOLDEN=1 pytest tests/render/test_golden.py, then read the diff.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import pytest

from recmail.render.brand import branded
from recmail.render.bundle import load_bundle
from recmail.render.email import Renderer
from recmail.settings.sections import default_brand
from tests.render.contexts import SETS, sparse

GOLDEN = Path(__file__).parents[1] / "golden"
SUBJECT = "{{ user.first_name or 'Hello' }}, {{ courses|length|plural('course') }} picked for you"
PREHEADER = "{{ because.title ~ ', and then?' if because else 'Picked from what you learn' }}"


@pytest.mark.parametrize("template", SETS)
@pytest.mark.parametrize("case", ["full", "sparse"])
def test_an_email_reads_as_it_did(template, case):
    make = {"full": SETS[template], "sparse": sparse}[case]
    bundle = branded(load_bundle(Path(__file__).parents[2] / "templates"), asdict(default_brand()))
    renderer = Renderer(bundle, template=template, subject=SUBJECT, preheader=PREHEADER)
    email = renderer.render(make(), user_id="u1")
    written = {".html": email.html + "\n", ".txt": f"{email.subject}\n{email.preheader}\n\n{email.text}"}
    for suffix, text in written.items():
        path = GOLDEN / f"{template}-{case}{suffix}"
        if os.environ.get("RECMAIL_UPDATE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")
