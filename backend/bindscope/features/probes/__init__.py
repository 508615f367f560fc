"""Linear probes: is the information inside the embeddings?"""
