"""`recmail serve`: everything that has to run for campaigns to go out by themselves, in one process."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recmail.cli.command import Instant, json_lines_option, project_option, shows_errors
from recmail.cli.working import news_teller, run_until_stopped, stop_on_signals

if TYPE_CHECKING:
    from recmail.deliver.clock import Clock
    from recmail.runs.news import Tell
    from recmail.runs.project import Project

_ONLY_PUBLIC = ("host", "port", "proxy")


class Network(click.ParamType[str]):
    """An address, or a network such as 10.0.0.0/8."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it; whom we believe must not depend on a name server."""
        from ipaddress import ip_network

        try:
            return str(ip_network(value))
        except ValueError:
            self.fail(f"found {value!r}; expected an address, or a network such as 10.0.0.0/8", param, ctx)


@click.command("serve", short_help="Plan and send by itself; --public: the pages of recipients.")
@click.option("--no-worker", is_flag=True, help="Send nothing: recmail work does, here or elsewhere.")
@click.option("--public", is_flag=True, help="Only answer recipients and providers, and send nothing.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that --public listens on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Its port; 0: any."
)
@click.option(
    "--proxy",
    multiple=True,
    type=Network(),
    help="An address or network whose X-Forwarded-For --public believes; repeatable.",
)
@click.option(
    "--now", type=Instant(), metavar="TIME", help="Start the clock at this time; only for trying out."
)
@project_option
@json_lines_option
@shows_errors
@click.pass_context
def command(
    context: click.Context,
    no_worker: bool,
    public: bool,
    host: str,
    port: int,
    proxy: Sequence[str],
    now: datetime | None,
    project: Path | None,
    as_json: bool,
) -> None:
    r"""Run everything that recmail does by itself: look at schedules, prepare their runs, send what is due.

    It takes the place of one recmail work; more of those may run beside it. SIGTERM and Ctrl-C finish what is
    in hand. recmail.toml is read once, when it starts; campaigns and templates whenever a run is planned.

    With --public it does nothing of that, but answers those who got an email, and providers: unsubscribing,
    preferences, webhooks. It listens behind a proxy that speaks TLS for [sender] public_url: docs/public.md.

    Exit codes: 0 stopped, 1 failed, 2 usage, 130 interrupted.

    \b
    Examples: recmail serve
              recmail serve --public --proxy 127.0.0.1
    """
    from recmail.deliver.clock import Clock
    from recmail.runs.project import open_project

    _check_usage(context, public=public, no_worker=no_worker)
    tell = news_teller(as_json=as_json)
    opened, clock = open_project(project), Clock(now)
    if public:
        _serve_public(opened, clock, tell, host=host, port=port, proxies=proxy)
    else:
        run_until_stopped(opened, clock, tell=tell, sends=not no_worker)


def _check_usage(context: click.Context, *, public: bool, no_worker: bool) -> None:
    default = click.core.ParameterSource.DEFAULT
    given = [name for name in _ONLY_PUBLIC if context.get_parameter_source(name) != default]
    if given and not public:
        raise click.UsageError(f"--{given[0]} goes with --public only")
    if public and no_worker:
        raise click.UsageError("--public sends nothing anyway; leave --no-worker out")


def _serve_public(
    project: Project, clock: Clock, tell: Tell, *, host: str, port: int, proxies: Sequence[str]
) -> None:
    from recmail.cli.terminal import say
    from recmail.web.public.application import make_application
    from recmail.web.public.door import Door, patient
    from recmail.web.public.serving import listen, serve

    door = Door(patient(project), clock, tell)
    _ = door.keys  # one that cannot be read is said now, and not to the first visitor
    listener, stopping = listen(host, port), stop_on_signals()
    there = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
    base = project.settings.sender.public_url
    if not base:
        say("[sender] public_url is not set: no email leads here yet")
    say(f"answering at {there}{f', which the world knows as {base}' if base else ''}; Ctrl-C ends it")
    serve(make_application(door), listener, stopping.event, proxies=proxies)
    if stopping.exit_code:
        raise SystemExit(stopping.exit_code)
