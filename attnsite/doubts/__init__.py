"""What a sceptic would doubt in committed runs: a file is a kind of doubt, and its docstring says what and why.

A doubt is no mistake: a run may be right and look odd. It is answered by measuring again, or in `docs/doubts.csv`: as
`explained`, by what a measurement or the run itself shows, or as `open`, which pages then say.
"""
