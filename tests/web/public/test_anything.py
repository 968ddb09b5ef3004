"""Whatever comes in, no answer is a server's error, and nothing that is not a good link changes anything."""

from __future__ import annotations

import shutil
from pathlib import Path
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recmail.deliver.clock import Clock
from recmail.runs.project import open_project
from recmail.tokens import sign
from recmail.web.public.application import make_application
from recmail.web.public.door import PLACES, Door
from recmail.web.public.limits import Limit, Limits
from tests.conftest import NOW
from tests.web.public.visiting import Visiting

EXAMPLES = 100
SIGNED = sorted(PLACES)
METHODS = st.sampled_from(["GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "NONSENSE"])
TEXT = st.text(st.sampled_from(printable + "é/%\u2028अ\0"), max_size=40)
FIELDS = st.dictionaries(
    st.sampled_from(["do", "topic", "pace", "pause", "personal", "tracking", "how", "x"]),
    st.one_of(st.sampled_from(["save", "again", "nothing", "keep", "0", "4", "7_1", "news"]), TEXT),
)
HEADERS = st.dictionaries(
    st.sampled_from(["accept-language", "content-type", "content-length-x", "x-forwarded-for", "range"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
)


@pytest.fixture(scope="module")
def anybody(_made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Visiting, bytes]:
    """Somebody without limits, at a project of their own; and its key."""
    folder = tmp_path_factory.mktemp("anything") / "acme"
    shutil.copytree(_made, folder)
    project = open_project(folder)
    free = Limits(guesses=Limit(10**9), visits=Limit(10**9))
    door = Door(project, Clock(NOW), lambda _news: None, free)
    return Visiting(make_application(door)), project.settings.key


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(data=st.data(), method=METHODS, headers=HEADERS)
def test_no_input_is_a_server_error(
    anybody: tuple[Visiting, bytes], data: st.DataObject, method: str, headers: dict[str, str]
) -> None:
    visiting, key = anybody
    purpose = data.draw(st.sampled_from(SIGNED))
    signed = sign(key, data.draw(st.integers(0, 9)), data.draw(st.integers(0, 4)), purpose)
    token = data.draw(st.one_of(st.sampled_from([signed, signed[:-2]]), TEXT))
    place = data.draw(st.sampled_from([PLACES[purpose], *PLACES.values(), "webhooks", "images", "c", ".."]))
    path = f"/{place}/{token}"
    kinds = FIELDS.map(lambda form: {"data": form}), st.binary().map(lambda raw: {"content": raw})
    body = data.draw(st.one_of(*kinds))
    url = "".join(letter if letter.isalnum() or letter in "/-_.%" else "%2f" for letter in path)
    answer = visiting.request(method, url, headers=headers, **body)
    assert answer.status_code < 500
    assert answer.headers["referrer-policy"] == "no-referrer"
