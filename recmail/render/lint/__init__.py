"""Finds what recipients would find: in the templates once, and in every message that they print."""

from recmail.render.lint.finding import Finding, Severity

__all__ = ["Finding", "Severity"]
