"""What stands beside the pages for programs."""
