"""Laboratory files become raw rows: every cell as text, with the sheet and row it came from."""
