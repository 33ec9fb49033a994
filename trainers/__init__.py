"""Command lines, one file a command: `python -m trainers.<name>`."""
