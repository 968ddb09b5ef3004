"""How good the scorers are, measured offline on what people did later, and training with that in hand."""
