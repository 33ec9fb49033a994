"""What can be searched and what was found, in plain Python and NumPy."""
