"""Images and texts: how a batch becomes a loss."""
