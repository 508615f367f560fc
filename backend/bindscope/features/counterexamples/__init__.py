"""The smallest edit of a scene that flips the winner of its caption contest."""
