"""One file for each task that a request can name; `worker` picks by the name."""
