"""The computer that the work runs on: memory, threads, settings of libraries."""
