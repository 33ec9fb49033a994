"""How a step of the search is executed; what is computed stands above."""
