"""A real postfix on loopback, in a folder of its own: it takes mail, and sends on what its rules say."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import HOST, unused_port

_SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
POSTFIX = shutil.which("postfix", path=_SEARCHED)
_PLACES = map(Path, ("/usr/lib/postfix/sbin", "/usr/libexec/postfix"))
_DAEMONS = next((path for path in _PLACES if path.is_dir()), None)
needs_postfix = pytest.mark.skipif(
    POSTFIX is None or _DAEMONS is None or os.geteuid() != 0,
    reason="needs root and postfix: apt-get install postfix",
)
_STARTS_WITHIN_S = 60.0
# Neither a local alias nor a user of this machine takes part: whatever comes is sent on as `routes` says.
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
local_recipient_maps =
alias_maps =
mynetworks = 127.0.0.0/8
message_size_limit = {size}
smtputf8_enable = yes
smtpd_recipient_restrictions = check_recipient_access inline:{{ {answers} }}, permit_mynetworks, reject
transport_maps = inline:{{ {routes} }}
"""
_MASTER = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(*, routes: dict[str, str], answers: dict[str, str], size: int) -> Iterator[int]:
    """Run it; give its port.

    Args:
        routes: by domain, a transport such as discard: or smtp:[127.0.0.1]:2525.
        answers: to RCPT, by address.
    """
    port = unused_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        shutil.chown(folder / "data", "postfix")
        main = _MAIN.format(
            folder=folder,
            daemons=_DAEMONS,
            size=size,
            answers=" ".join(f"{{{address} = {answer}}}" for address, answer in answers.items()),
            routes=" ".join(f"{{{domain} = {route}}}" for domain, route in routes.items()),
        )
        (folder / "main.cf").write_text(main)
        (folder / "master.cf").write_text(_MASTER.format(port=f"{HOST}:{port}"))
        assert POSTFIX is not None
        subprocess.run([POSTFIX, "-c", folder, "check"], check=True, capture_output=True)
        command = [f"{_DAEMONS}/master", "-c", str(folder), "-d"]
        # In a session of its own: at its end it kills its process group.
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        process = subprocess.Popen(command, start_new_session=True, **quiet)
        try:
            _await_greeting(process, port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait()


def _await_greeting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            with socket.create_connection((HOST, port), timeout=5) as probe:
                assert probe.recv(100).startswith(b"220 ")
                return
        except OSError as error:
            said = log.read_text(errors="replace") if log.exists() else ""
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"postfix does not answer: {said}") from error
            time.sleep(0.05)
