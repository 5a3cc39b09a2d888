"""Figures as markup, pictures, tables and files."""
