"""What other systems call their events, in the words of Segment's, Mixpanel's and Google's examples."""

from __future__ import annotations

import pytest

from recmail.history.event_names import likely_kind


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("Course Viewed", "viewed"),
        ("view_item", "viewed"),
        ("page_view", "viewed"),
        ("CourseEnrolled", "enrolled"),
        ("Order Completed", "enrolled"),
        ("purchase", "enrolled"),
        ("Lesson Completed", "progressed"),
        ("videoProgress", "progressed"),
        ("Course Completed", "completed"),
        ("Products Searched", "searched"),
        ("view_search_results", "searched"),
        ("Course Rated", "rated"),
        ("Product Reviewed", "rated"),
        ("Order Cancelled", None),
        ("Course Unenrolled", None),
        ("user_engagement", None),
        ("", None),
        ("Урок", None),
    ],
)
def test_a_name_sounds_like_a_kind_or_like_none(event: str, kind: str | None) -> None:
    assert likely_kind(event) == kind
