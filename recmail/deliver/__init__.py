"""How it leaves: the sending worker, and one file per provider."""
