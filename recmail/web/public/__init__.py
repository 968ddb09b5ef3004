"""What recipients reach from their emails; it asks nobody to log in, and so shows nothing that needs it."""
