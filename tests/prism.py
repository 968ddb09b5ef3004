"""Stoplight's Prism, a server that is not ours: it judges requests by what vendors say of their APIs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers import HOST, unused_port

OPENAPI = Path(__file__).parent / "openapi"
_ROOT = Path(__file__).parents[1]
PRISM = shutil.which("prism") or shutil.which("prism", path=str(_ROOT / ".venv/node/node_modules/.bin"))
HOW_TO_INSTALL = "needs Prism: npm install --prefix .venv/node @stoplight/prism-cli@5.14.2"


@contextmanager
def prism(names: Sequence[str]) -> Iterator[str]:
    """Serve some files of tests/openapi as one; give its URL."""
    if PRISM is None:
        pytest.skip(HOW_TO_INSTALL)
    port = unused_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "providers.json"
        file.write_text(json.dumps(_together(names)))
        command = [PRISM, "mock", "--errors", "-h", HOST, "-p", str(port), str(file)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await(process, port)
            yield f"http://{HOST}:{port}"
        finally:
            process.terminate()
            process.wait()


def _together(names: Sequence[str]) -> dict[str, Any]:
    """One document of several: Prism takes seconds to start."""
    whole: dict[str, Any] = {"openapi": "3.0.3", "info": {"title": "", "version": ""}, "paths": {}}
    components: dict[str, dict[str, Any]] = {}
    for name in names:
        one = json.loads((OPENAPI / f"{name}.json").read_text())
        for kind, found in one["components"].items():
            components.setdefault(kind, {}).update(found)
        for path, methods in one["paths"].items():
            whole["paths"][path] = {
                method: {"security": one.get("security", []), **operation}
                for method, operation in methods.items()
            }
    return {**whole, "components": components}


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"prism does not listen; it ended with {process.poll()}")
