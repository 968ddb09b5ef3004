"""What came back of messages: written down, and what it changes in the ledger and for later mail."""
