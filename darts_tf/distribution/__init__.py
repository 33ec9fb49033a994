"""Several devices: shares of a batch, sums and statistics of all replicas."""
