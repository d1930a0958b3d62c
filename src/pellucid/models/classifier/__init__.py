"""A feed-forward classifier."""
