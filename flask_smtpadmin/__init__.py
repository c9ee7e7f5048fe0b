"""A complete e-mail back office for Flask."""

__version__ = "0.1.0"
