"""Questions about attention heads, answered by runs, counts and sources."""

__version__ = "0.1.0"
