"""Drawings of cells and genotypes, without any drawing program."""
