"""The length of the preheader."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import email, findings


@pytest.mark.parametrize(
    ("length", "expected"), [(0, "no preheader"), (39, "shorter"), (40, ""), (110, ""), (111, "longer")]
)
def test_from_40_to_110_characters(length, expected):
    found = " ".join(finding.found for finding in findings(email(preheader="x" * length)))
    assert expected in found
    assert bool(found) == bool(expected)
