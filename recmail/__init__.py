"""recmail: personal course recommendations by email, with an exact account of what happened to everybody."""

__version__ = "0.1.0"
