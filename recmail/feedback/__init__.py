"""What came back, and what people may ask of us."""
