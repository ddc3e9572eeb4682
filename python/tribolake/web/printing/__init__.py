"""Pages as PDF: documents of their own, written by WeasyPrint in a process with limits."""
