"""View models: what a page shows, as texts and figures. Templates only lay them out."""
