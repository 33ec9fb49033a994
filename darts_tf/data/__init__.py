"""What feeds a search: data sets, splits, augmentation and batch streams."""
