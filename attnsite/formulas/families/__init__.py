"""Architectures by family: each file names its model types in `TYPES`, and is found by being here."""
