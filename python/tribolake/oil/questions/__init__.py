"""Answer questions of engineers from published files. The warehouse stays closed."""
