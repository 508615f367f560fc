"""How evenly the embeddings of scenes fill their space."""
