"""How an email reads: Jinja templates in a sandbox, CSS inlined, a text part, and the MIME message."""
