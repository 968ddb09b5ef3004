"""What Amazon SES says of our account: what it may send, how fast, and from whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from recmail.deliver.esp import Doubt
from recmail.deliver.esp.ses_client import Client, answer_of
from recmail.errors import AccountRefused, DeliveryError, OutcomeUnknown, TemporaryFailure
from recmail.settings.rates import Rate
from recmail.tokens import email_key

_CONSOLE = "the SES console, Account dashboard"


@dataclass(frozen=True)
class Account:
    """What GetAccount says.

    Attributes:
        in_sandbox: only verified addresses get mail.
        per_second, per_day, used: messages; a negative number is no limit.
    """

    may_send: bool
    in_sandbox: bool
    health: str
    per_second: float
    per_day: float
    used: float

    @property
    def rates(self) -> tuple[Rate, ...]:
        """Its quotas as `at_most` has them."""
        found = ((self.per_second, timedelta(seconds=1)), (self.per_day, timedelta(days=1)))
        return tuple(Rate(max(1, int(most)), per) for most, per in found if most > 0)

    def __str__(self) -> str:
        if not self.rates:
            return "may send without a limit"
        most = " and ".join(f"{rate.messages:,} per {rate.unit}" for rate in self.rates)
        return f"may send {most}, {self.used:,.0f} used in the last 24 hours"


def read_account(client: Client) -> Account | None:
    """Ask for the account; None when this key may not look at it, or the server does not know.

    Raises:
        AccountRefused: the key is not good.
        TemporaryFailure: nobody answers.
    """
    try:
        found = client.call("get_account")
    except AccountRefused as error:
        # The key is good and may not ask this; or a server that stands for SES does not know the question.
        name, status = answer_of(error)
        if name == "AccessDenied" or status in (404, 405):
            return None
        raise
    except OutcomeUnknown:
        return None  # somebody answers
    quota = found.get("SendQuota") or {}
    return Account(
        may_send=bool(found.get("SendingEnabled", True)),
        in_sandbox=not found.get("ProductionAccessEnabled", True),
        health=str(found.get("EnforcementStatus", "HEALTHY")),
        per_second=float(quota.get("MaxSendRate", -1)),
        per_day=float(quota.get("Max24HourSend", -1)),
        used=float(quota.get("SentLast24Hours", 0)),
    )


def check_account(account: Account, at_most: tuple[Rate, ...]) -> Iterator[Doubt]:
    """What keeps this account from sending what we mean to."""
    if not account.may_send:
        yield Doubt("sending is switched off for the account", f"see {_CONSOLE}", stops=True)
    if account.health not in ("HEALTHY", ""):
        found = f"Amazon has the account under review or stopped: {account.health}"
        yield Doubt(
            found, f"see {_CONSOLE}; often it is bounces or complaints", stops=account.health == "SHUTDOWN"
        )
    if account.in_sandbox:
        found = "the account is in the sandbox: only verified addresses get mail"
        yield Doubt(
            found, f"tests work to a verified address; for the rest request production access: {_CONSOLE}"
        )
    allowed = {rate.per: rate for rate in account.rates}
    for rate in at_most:
        most = allowed.get(rate.per)
        if most is not None and rate.messages > most.messages:
            yield Doubt(
                f"at_most says {rate}, and the account may send {most}",
                f"write at_most = {_listed(account.rates)}, or leave it out: then the account's quotas hold",
            )


def _listed(rates: tuple[Rate, ...]) -> str:
    return json.dumps([str(rate) for rate in rates])


def check_sender(client: Client, address: str) -> Doubt | None:
    """Whether SES takes messages from this address: it, its domain, or a domain above that is verified."""
    key = email_key(address)
    if key is None:
        return None
    domain = key.rpartition("@")[2]
    labels = domain.split(".")
    domains = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    advice = f"in the SES console, Identities, create {domain} in this region and publish its DKIM records"
    for identity in (*domains, key):
        try:
            found = client.call("get_email_identity", EmailIdentity=identity)
        except (TemporaryFailure, OutcomeUnknown) as error:
            return Doubt(f"cannot look up {identity}: {error}", "run recmail doctor again")
        except DeliveryError as error:
            if answer_of(error)[1] == 404:
                continue
            return Doubt(f"cannot look up {identity}: {error}", "allow the key ses:GetEmailIdentity")
        if not found.get("VerifiedForSendingStatus") and found.get("VerificationStatus") != "SUCCESS":
            continue
        if identity == key:
            found_only = f"only the address {key} is verified, so its mail has no DKIM signature of {domain}"
            return Doubt(found_only, advice)
        return None
    return Doubt(f"{domain} is not verified, so SES takes nothing from it", advice, stops=True)
