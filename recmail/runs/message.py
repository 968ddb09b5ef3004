"""From a ledger row to a finished message: the frozen context, today's address, the run's own templates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from email.utils import parseaddr
from functools import cached_property
from typing import Any

from recmail.campaign import Campaign, each_variant, parse_frozen, utm_marks, with_utm
from recmail.campaign.due import Due
from recmail.db.connect import reading
from recmail.db.courses import Shown, gone_stale
from recmail.db.ledger_claims import with_contexts
from recmail.errors import RenderError
from recmail.recommend.blocks import offers_what_was_taken
from recmail.records import Claim, Outgoing, Skip
from recmail.render.bundle import TemplateBundle
from recmail.render.context import clean_name
from recmail.render.editions import Editions
from recmail.render.email import Email
from recmail.render.frozen import Wording, full_context, replace_stale
from recmail.render.links import mark_links
from recmail.render.mime import MessageHeaders, build_mime, wire_address
from recmail.runs.project import Project
from recmail.runs.seats import FullCourses
from recmail.settings.sections import default_brand
from recmail.settings.values import domain_of
from recmail.tokens import in_mailbox, sign


@dataclass(frozen=True)
class Links:
    """Where the links of one person's email lead; `images` is what relative image addresses are added to.

    `browser` is the email itself as a page; None where there is no public_url.
    """

    unsubscribe: str
    preferences: str
    images: str
    browser: str | None = None


def links_for(project: Project, run_no: int, user_no: int) -> Links:
    """Signed links of one person, on public_url or the company's own unsubscribe page."""
    return _links(project, project.settings.key, run_no, user_no)


def stand_in_links(project: Project) -> Links:
    """Links that look like anybody's, for emails that are only looked at: no key of ours signs them."""
    return _links(project, bytes(32), 2**14, 2**21)


def _links(project: Project, key: bytes, run_no: int, user_no: int) -> Links:
    sender = project.settings.sender
    token = sign(key, run_no, user_no, "unsubscribe")
    own = sender.unsubscribe_url.replace("{token}", token) if sender.unsubscribe_url else None
    base = sender.public_url
    # Only mail that stays on this machine may go without either; .invalid never resolves (RFC 2606).
    fallback = f"https://unsubscribe.invalid/{token}"
    unsubscribe = own or (f"{base}/u/{token}" if base else fallback)
    preferences = f"{base}/p/{sign(key, run_no, user_no, 'preferences')}" if base else unsubscribe
    browser = f"{base}/v/{sign(key, run_no, user_no, 'browser')}" if base else None
    return Links(unsubscribe, preferences, image_base(project), browser)


def image_base(project: Project) -> str:
    """What relative image addresses are added to: public_url, or the project's folder on this machine."""
    return (project.settings.sender.public_url or project.folder.as_uri()) + "/"


class Writer:
    """Writes the emails of one variant from what was frozen of people; used by many threads at once.

    Args:
        run: the row of the run with its frozen campaign, templates, settings and catalogue, or a draft of it.
        campaign: the run's, with what the variant replaces.
        bundle: the templates as they were frozen.
        variant: its name; None where there are none.

    Attributes:
        lines: subject and preheader by language.
    """

    def __init__(
        self, run: Mapping[str, Any], campaign: Campaign, bundle: TemplateBundle, *, variant: str | None
    ) -> None:
        self._run = run
        self.campaign, self.bundle, self.variant = campaign, bundle, variant
        self._printed: Mapping[str, Any] = run["settings"]["printed"]
        self.lines = self.campaign.lines_in(self.bundle, self._printed["language"])
        self._editions = Editions(
            mark_links(self.bundle, utm_marks(self.campaign, variant=variant)),
            template=self.campaign.template,
            language=self._printed["language"],
            lines=self.lines,
        )

    @property
    def sender(self) -> str:
        """Who the messages are from: Name <address>."""
        return str(self.campaign.from_ or self._printed["from"])

    @property
    def reply_to(self) -> str | None:
        """Where answers go, when not to the sender: Name <address>."""
        return self.campaign.reply_to or self._printed["reply_to"]

    def context(self, frozen: Mapping[str, Any], links: Links) -> dict[str, Any]:
        """Everything that the templates may print for one person."""
        return {**full_context(frozen, self.wording), "links": asdict(links)}

    def render(self, context: Mapping[str, Any], *, user_id: str) -> Email:
        """Render one person's email.

        Raises:
            RenderError: what is missing, forbidden or unprintable, with template and line.
        """
        return self._editions.render(context, user_id=user_id)

    def verify(self, context: Mapping[str, Any], *, user_id: str) -> None:
        """Compare one person's page, its styles inlined once for everybody, with the same inlined by itself.

        Raises:
            RenderError: they differ.
        """
        self._editions.verify(context, user_id=user_id)

    @cached_property
    def wording(self) -> Wording:
        """What all emails of this run print alike."""
        return make_wording(
            self.campaign,
            self._printed,
            self._run["courses"],
            languages=self._editions.languages,
            day=Due.of_run(self._run).day,
            variant=self.variant,
        )


class Writers:
    """What writes the emails of each variant of a run, or of a draft of one.

    Attributes:
        campaign: the run's.
        bundle: the templates as they were frozen, those of all variants.
    """

    def __init__(self, run: Mapping[str, Any]) -> None:
        self.campaign: Campaign = parse_frozen(run["campaign_yaml"], run["campaign"])
        self.bundle = TemplateBundle.from_json(run["template_bundle"])
        self._of = {
            name: Writer(run, one, self.bundle, variant=name)
            for name, one in each_variant(self.campaign).items()
        }

    def __iter__(self) -> Iterator[Writer]:
        """Each variant's, in the order of the campaign."""
        return iter(self._of.values())

    def __len__(self) -> int:
        return len(self._of)

    def of(self, variant: str | None) -> Writer:
        """Return what writes the emails of a variant; None where the campaign has none."""
        return self._of[variant]

    @property
    def languages(self) -> Collection[str]:
        """All languages that an email of any variant may speak."""
        return {tag for one in self for tag in one.wording.languages}


class RunWriter(Writers):
    """Writes the messages of one run, ready to be sent."""

    def __init__(self, project: Project, run: Mapping[str, Any]) -> None:
        super().__init__(run)
        self._project, self._run = project, run
        self._full = FullCourses(project.engine)

    def write(self, claims: Sequence[Claim], *, now: datetime) -> list[Outgoing | Skip | RenderError]:
        """Finish the messages of claimed rows, or say why one must not go out, or cannot be written."""
        with reading(self._project.engine) as connection:
            claims = with_contexts(connection, claims)
            shown = [shown_in(claim) for claim in claims]
            gone = gone_stale(connection, shown, now=now)
        full = self._full.at(now)
        return [
            # Who has begun a course has a seat.
            self._write(claim, stale | full.intersection(email.course_nos).difference(email.begun))
            for claim, email, stale in zip(claims, shown, gone, strict=True)
        ]

    def _write(self, claim: Claim, stale: set[int]) -> Outgoing | Skip | RenderError:
        if claim.email is None:
            return Skip("no_address")
        if not claim.context:
            return Skip("erased")
        # Reserves stand in for courses that closed, filled up or were taken, as long as there are enough.
        context = replace_stale(claim.context, claim.reserves, stale) if stale else claim.context
        if context is None:
            return Skip("stale")
        try:
            return self.finish(claim, context, links_for(self._project, claim.run_no, claim.user_no))
        except RenderError as error:
            return error

    def finish(self, claim: Claim, context: Mapping[str, Any], links: Links) -> Outgoing:
        """Write the message of one row from a frozen context, whatever became of its courses since.

        Raises:
            RenderError: it cannot be written.
        """
        writer = self.of(claim.variant)
        email = writer.render(writer.context(context, links), user_id=claim.user_id)
        return self._envelope(claim, context, email, links)

    def _envelope(self, claim: Claim, context: Mapping[str, Any], email: Email, links: Links) -> Outgoing:
        """Put an email into its envelope, with the headers that mailbox providers ask of bulk mail."""
        writer = self.of(claim.variant)
        name, address = parseaddr(writer.sender)
        recipient = wire_address(claim.email or "")
        headers = MessageHeaders(
            from_=(name, address),
            to=(_full_name(context), recipient),
            reply_to=parseaddr(writer.reply_to) if writer.reply_to else None,
            date=max(self._run.get("approved_at") or claim.due_at, claim.due_at),
            message_id=claim.message_id,
            list_id=f"{self.campaign.topic or self.campaign.name}.{domain_of(writer.sender)}",
            unsubscribe_url=links.unsubscribe,
            feedback_id=f"{self._run['run_no']}:{self.campaign.name}:recmail",
        )
        return Outgoing(
            sender=address,
            recipient=recipient,
            mime=build_mime(email, headers=headers),
            message_id=claim.message_id,
            subject=email.subject,
            token=in_mailbox(sign(self._project.settings.key, claim.run_no, claim.user_no, "bounce")),
        )


def shown_in(claim: Claim) -> Shown:
    """The courses of an email and its reserves."""
    slots = (*claim.context.get("slots", ()), *claim.reserves)
    begun = [course_no for _, course_no, _, source, *_ in slots if source in offers_what_was_taken()]
    return Shown(claim.user_no, [course_no for _, course_no, *_ in slots], begun)


def _full_name(context: Mapping[str, Any]) -> str:
    names = (context["user"]["first_name"], context["user"]["last_name"])
    return clean_name(" ".join(name for name in names if name))


def make_wording(
    campaign: Campaign,
    printed: Mapping[str, Any],
    courses: Mapping[str, list[Any]],
    *,
    languages: Collection[str],
    day: date,
    variant: str | None = None,
) -> Wording:
    """What all emails of a campaign, or of one variant, print alike, for a run or a preview."""

    def link(url: str, block: str, course: str) -> str:
        return with_utm(url, campaign, block=block, course=course, variant=variant)

    return Wording(
        campaign={
            "name": campaign.name,
            "topic": campaign.topic,
            "topic_title": printed["topics"].get(campaign.topic),
            "description": campaign.description,
        },
        brand=printed.get("brand") or asdict(default_brand()),  # runs of before have none
        sender={"name": printed["name"], "postal_address": printed["postal_address"]},
        language=printed["language"],
        languages=languages,
        date=day,
        courses=courses,
        blocks=campaign.headings(),
        titles=campaign.fallback_titles(),
        link=link,
    )
