"""One command a file: its arguments and what it does. Each is imported when it is called."""
