"""What must be true before mail leaves this machine: who sends, and where people unsubscribe."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from urllib.parse import SplitResult, urlsplit

from recmail.db.connect import reading
from recmail.db.courses import relative_pictures
from recmail.records import ALIVE
from recmail.runs.doctor.finding import Finding, ok, warning, wrong
from recmail.runs.doctor.subject import Subject
from recmail.runs.project import TO_FILL_IN, is_reserved
from recmail.settings import is_loopback
from recmail.settings.sections import LimitSettings, SenderSettings

_PATIENCE_S = 3.0


def check_sender(subject: Subject) -> Iterator[Finding]:
    """Say whether sender and postal address are still examples."""
    sender, lacking = subject.settings.sender, _lacking(subject)
    if subject.stands("sender.from"):
        if is_reserved(sender.from_):
            advice = 'write yours under [sender] in recmail.toml: from = "NAME <ADDRESS>"'
            yield lacking("from", f"{sender.from_} is an example", advice)
        else:
            yield ok("from", sender.from_)
    if subject.stands("sender.postal_address"):
        if sender.postal_address == TO_FILL_IN:
            advice = 'write it under [sender] in recmail.toml: postal_address = "..."'
            yield lacking("postal address", "is not filled in; the law asks for it below every email", advice)
        else:
            yield ok("postal address", sender.postal_address)


def _lacking(subject: Subject) -> Callable[[str, str, str], Finding]:
    """The state of what is only needed once mail leaves this machine."""
    return wrong if subject.leaves_machine else warning


def check_limits(subject: Subject) -> Iterator[Finding]:
    """Say who gets test emails, and how many people the first send may reach."""
    limits: LimitSettings = subject.settings.limits
    if subject.stands("limits.test_recipients"):
        if limits.test_recipients:
            yield ok("tests", f"may go to {', '.join(limits.test_recipients)}")
        else:
            advice = 'write under [limits] in recmail.toml: test_recipients = ["you@your.domain"]'
            yield warning("tests", "nobody may get a test email (recmail preview --to)", advice)
    if subject.stands("limits.first_send_at_most"):
        most = f"{limits.first_send_at_most:,} people at most in one run"
        exempt = "" if subject.leaves_machine else ", once mail leaves this machine"
        yield ok("first send", f"{most}{exempt}")


def check_unsubscribing(subject: Subject) -> Iterator[Finding]:
    """Say whether people can unsubscribe, and whether the address answers."""
    sender: SenderSettings = subject.settings.sender
    given = {"public_url": sender.public_url, "unsubscribe_url": sender.unsubscribe_url}
    urls = {name: url for name, url in given.items() if url and subject.stands(f"sender.{name}")}
    if not urls and all(subject.stands(f"sender.{name}") for name in given):
        advice = "set public_url or unsubscribe_url under [sender] in recmail.toml"
        yield _lacking(subject)("unsubscribing", "there is no address where people could do it", advice)
    for name, url in urls.items():
        parts = urlsplit(url)
        is_here = is_loopback(parts.hostname or "")
        if is_here and subject.leaves_machine:
            found = f"{url} is on this machine, where nobody else can open it"
            yield wrong(name, found, "write the address that the world knows")
        elif subject.offline and not is_here:
            yield ok(name, f"{url} was not opened (--offline)")
        elif name == "public_url":
            yield check_public(parts, own_page=bool(sender.unsubscribe_url))
        else:
            yield check_answer(name, parts)


def check_pictures(subject: Subject) -> Iterator[Finding]:
    """Say how many courses have a picture that only this machine finds."""
    if subject.project is None or subject.settings.sender.public_url:
        return
    with reading(subject.project.engine) as connection:
        count = len(relative_pictures(connection))
    if count:
        advice = "set public_url under [sender] in recmail.toml, or write image_url as https://..."
        found = f"{count:,} courses have one without a web address, which people would not see"
        yield _lacking(subject)("pictures", found, advice)


def check_answer(name: str, url: SplitResult, *, trust: ssl.SSLContext | None = None) -> Finding:
    """Say whether a web server answers; it is asked for its first page's head, which changes nothing.

    Args:
        trust: certificates to trust instead of the machine's.
    """
    answer = _ask(name, url, "HEAD", "/", trust)
    if isinstance(answer, Finding):
        return answer
    if answer[0] >= 500:
        found = f"{url.hostname} answers with its error {answer[0]}"
        return warning(name, found, "look into that server's log")
    return ok(name, f"{url.hostname} answers")


def check_public(url: SplitResult, *, own_page: bool, trust: ssl.SSLContext | None = None) -> Finding:
    """Say whether `recmail serve --public` answers at public_url.

    Args:
        own_page: people unsubscribe elsewhere; without this they cannot choose what they get.
    """
    name, path = "public_url", f"{url.path}/healthz"
    answer = _ask(name, url, "GET", path, trust)
    if isinstance(answer, Finding):
        return answer
    status, body = answer
    if status == 200 and body.startswith(ALIVE.encode()):
        return ok(name, f"{url.hostname}: recmail serve --public answers there")
    if status >= 500:
        found = f"{url.hostname} answers with its error {status}"
        return warning(name, found, "is recmail serve --public running, and its database? See its log")
    say = warning if own_page else wrong
    found = f"{url.hostname} answers, but not recmail: {status} at {path}"
    return say(name, found, "run recmail serve --public there, and send your proxy's requests to it")


def _ask(
    name: str, url: SplitResult, method: str, path: str, trust: ssl.SSLContext | None
) -> tuple[int, bytes] | Finding:
    """Return status and beginning of an answer, or what kept it from coming."""
    host = url.hostname or ""
    advice = "start what answers there, or correct it under [sender] in recmail.toml"
    try:
        return _answer(url, method, path, trust)
    except ssl.SSLCertVerificationError as error:
        return wrong(name, f"{host}: its certificate is not valid: {error.verify_message}", "renew it")
    except socket.gaierror as error:
        return warning(name, f"cannot look up {host}: {error.strerror}", advice)
    except TimeoutError:
        return warning(name, f"{host} does not answer within {_PATIENCE_S:g} s", advice)
    except (OSError, UnicodeError, http.client.HTTPException) as error:  # UnicodeError: it can be no name
        return wrong(name, f"cannot reach {host}: {error}", advice)


def _answer(url: SplitResult, method: str, path: str, trust: ssl.SSLContext | None) -> tuple[int, bytes]:
    host = url.hostname or ""
    if url.scheme == "https":
        context = trust or ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, url.port, timeout=_PATIENCE_S, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, url.port, timeout=_PATIENCE_S)
    try:
        connection.request(method, path, headers={"User-Agent": "recmail-doctor"})
        response = connection.getresponse()
        return response.status, response.read(100)
    finally:
        connection.close()
