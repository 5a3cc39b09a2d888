"""What measuring and reading share: runs, what was asked, names, digests and mistakes."""
