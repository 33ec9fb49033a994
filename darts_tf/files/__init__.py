"""Files that are whole or not there, and JSON that names what is wrong."""
