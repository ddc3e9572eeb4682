"""The watcher: files that come to bronze are in published gold seconds later."""
