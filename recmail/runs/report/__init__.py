"""What campaigns were worth: the report of one run, of a campaign, or of all, as text, rows and a page."""
