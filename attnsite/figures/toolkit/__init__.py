"""What figures share: their look, their axes, and what they ask of rows."""
