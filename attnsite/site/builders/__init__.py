"""The ways from pages to a site: MkDocs with Material, Zensical, a disk."""
