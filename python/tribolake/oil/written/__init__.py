"""A sample as the laboratory wrote it: its rows in the file, and the cells of each result."""
