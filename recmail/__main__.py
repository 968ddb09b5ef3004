"""Runs the command line as `python -m recmail`."""

from recmail.cli import main

main()
