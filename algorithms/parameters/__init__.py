"""What algorithms ask for, each parameter with its help beside it."""
