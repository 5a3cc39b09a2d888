"""What a page's text means beyond Markdown: a Python-Markdown extension and its parts."""
