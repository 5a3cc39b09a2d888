"""What a change moves: snapshots of two checkouts, compared and told."""
