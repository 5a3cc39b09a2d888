"""Python of `attnsite/formulas` as one ES module: the page computes with the source that the command line runs."""
