"""Times what users wait for; see each module."""
