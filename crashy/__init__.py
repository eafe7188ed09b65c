"""The server that people crash on purpose, and the laboratory that shows what happens next."""

__version__ = "0.1.0"
