"""Questions, sources and terms, and what is wrong with a text."""
