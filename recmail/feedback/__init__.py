"""What came back of messages and what it changes; what one person may ask; what a campaign was worth."""
