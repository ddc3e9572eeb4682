"""The lake: the only package that knows where files are kept."""
