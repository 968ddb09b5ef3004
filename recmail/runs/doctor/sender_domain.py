"""The domains that campaigns are sent from: can people answer, and do receivers believe that it is us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from recmail.runs.doctor.dkim import check_dkim
from recmail.runs.doctor.dmarc import check_dmarc
from recmail.runs.doctor.finding import Finding, State, ok, warning, wrong
from recmail.runs.doctor.lookup import Lookup
from recmail.runs.doctor.spf import check_spf
from recmail.runs.doctor.subject import Subject
from recmail.runs.project import is_reserved

Checks = Mapping[str, Callable[[], list[Finding]]]


def check_domains(subject: Subject) -> Iterator[Finding]:
    """Look the records of every sender's domain up, and of those that bounces go to."""
    checked = [
        *((domain, check_domain) for domain in subject.sender_domains()),
        *((domain, check_bounce_domain) for domain in subject.bounce_domains()),
    ]
    for domain, check in checked:
        if is_reserved(f"@{domain}"):
            yield ok("domain", f"{domain} is an example, so there is nothing to look up")
        elif subject.offline:
            yield ok("domain", f"{domain} was not looked up (--offline)")
        else:
            for finding in check(domain, subject):
                # What receivers think matters once mail leaves this machine.
                is_early = finding.state is State.WRONG and not subject.leaves_machine
                yield replace(finding, state=State.WARNING) if is_early else finding


def check_domain(domain: str, subject: Subject) -> Iterator[Finding]:
    """Look the records of a sender's domain up."""
    lookup = subject.lookup
    checks: Checks = {
        "replies": lambda: [check_replies(domain, lookup)],
        "SPF": lambda: [check_spf(domain, lookup)],
        "DKIM": lambda: check_dkim(domain, lookup, subject.selectors),
        "DMARC": lambda: [check_dmarc(domain, lookup)],
    }
    return _look_up(domain, lookup, checks)


def check_bounce_domain(domain: str, subject: Subject) -> Iterator[Finding]:
    """Look the records up of a domain that is in return paths only; receivers ask it for SPF."""
    lookup = subject.lookup
    checks: Checks = {
        "bounces": lambda: [replace(check_replies(domain, lookup), check="bounces")],
        "SPF": lambda: [check_spf(domain, lookup)],
    }
    return _look_up(domain, lookup, checks)


def _look_up(domain: str, lookup: Lookup, checks: Checks) -> Iterator[Finding]:
    """What cannot be looked up says so and hides nothing else."""
    try:
        if not lookup.exists(domain):
            yield wrong("domain", f"there is no domain {domain}", f"correct the address that is @{domain}")
            return
    except OSError:
        pass  # every check says so below
    for name, check in checks.items():
        try:
            yield from check()
        except OSError as error:
            advice = "run it again where there is a network, or with --offline"
            yield warning(name, f"cannot look up {domain}: {error}", advice)


def check_replies(domain: str, lookup: Lookup) -> Finding:
    """Say whether a domain takes mail: replies and bounces go there.

    Raises:
        OSError: it cannot be looked up.
    """
    servers = lookup.mail_servers(domain)
    if servers == [""]:  # RFC 7505
        advice = "send from a domain that people can answer; many receivers refuse mail from this one"
        return wrong("replies", f"{domain} says that it takes no mail (null MX)", advice)
    if servers:
        return ok("replies", f"{domain} takes mail at {servers[0]}")
    if lookup.has_address(domain):  # RFC 5321 5.1
        advice = f"publish one at {domain}: MX 10 and the name of your mail server"
        return warning("replies", f"{domain} has no MX record; mail goes to its web server", advice)
    return wrong("replies", f"{domain} takes no mail: it has no MX record", f"publish one at {domain}")
