"""Pictures by Matplotlib: attention, gradient norms, losses, alignments, differences."""
