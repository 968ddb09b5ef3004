"""Blocks, one file each: a titled group of courses, or a paragraph, in the email."""
