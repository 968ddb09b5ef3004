"""The life of a run, from the plan to the last message; command line and console call the same functions."""
