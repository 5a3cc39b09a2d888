"""Closed forms with their sources: of one layer of attention, and of whole decoders, from their config.json."""
