"""What came back: events, bounces, suppressions, reports."""
