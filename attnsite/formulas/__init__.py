"""Closed forms with their sources: of one layer of attention, and of a whole decoder."""
