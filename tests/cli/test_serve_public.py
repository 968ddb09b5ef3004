"""`recmail serve --public` as a process, as a supervisor starts and ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import recmail
from tests.rows import empty_project

GUESSES = 40  # more than an address has a minute; while they are made it gets another every two seconds


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = empty_project(tmp_path_factory.mktemp("public") / "acme")
    made.engine.dispose()
    return made.folder


@contextmanager
def serving(project: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that answers at an address."""
    command = [sys.executable, "-m", "recmail", "serve", "--public", "--port", "0", *words]
    process = subprocess.Popen(
        [*command, "--project", str(project)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        line = next(line for line in said if line.startswith("answering at "))
        yield process, line.split()[2].rstrip(";")
    finally:
        process.kill()
        process.communicate()


def guess(base: str, address: str) -> Iterator[int]:
    """Try links that are not good, again and again."""
    with httpx.Client(headers={"X-Forwarded-For": address}) as client:
        while True:
            yield client.get(f"{base}/u/x").status_code


def test_it_answers_on_loopback_until_it_is_told_to_end(project: Path) -> None:
    with serving(project) as (process, base):
        assert base.startswith("http://127.0.0.1:")
        assert httpx.get(f"{base}/healthz").text == "recmail answers\n"
        assert set(islice(guess(base, "192.0.2.1"), GUESSES)) == {404}  # nobody declared this proxy
        port = base.rpartition(":")[2]
        taken = recmail("serve", "--public", "--port", port, "--json", project=project, code=1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "/u/" not in err
    assert "Address already in use" in json.loads(taken.stdout)["error"]["message"]


def test_what_a_declared_proxy_says_is_believed(project: Path) -> None:
    with serving(project, "--proxy", "127.0.0.0/8") as (process, base):
        assert 429 in islice(guess(base, "192.0.2.1"), 50 * GUESSES)
        assert next(guess(base, "192.0.2.2")) == 404
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "80"], "--port goes with --public only"),
        (["--public", "--no-worker"], "--public sends nothing anyway"),
        (["--public", "--proxy", "proxy.acme.example"], "expected an address, or a network"),
    ],
)
def test_what_does_not_go_together_is_said(project: Path, words: list[str], message: str) -> None:
    assert message in recmail("serve", *words, project=project, code=2).stderr
