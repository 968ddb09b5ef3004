"""What we know: importers, reading histories by key range, and demo data."""
