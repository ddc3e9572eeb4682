"""The command line. A command parses its options, calls one function and prints."""
