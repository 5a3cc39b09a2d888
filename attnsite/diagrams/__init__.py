"""Diagrams of mechanisms, drawn by code: a file is a diagram, and is placed by the fence named `diagram`.

A module's docstring has three paragraphs, its title, its caption and its text for who cannot see it, with `{names}` for
what its `values()` counts, if it has some; `panels()` gives the panels. No number in a diagram is typed.
"""
