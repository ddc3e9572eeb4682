"""Publish silver and gold for other teams. Readers always see complete files of one run."""
