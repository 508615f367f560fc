"""The store: what was computed once is kept in a Redis-protocol server. The only package that knows Redis.

``keys`` names an input by its content, ``codec`` frames vectors, ``embedded`` runs the Valkey server of a data
directory, ``connection`` talks to it and steps aside while it is gone, ``embeddings`` and ``measurements`` are
read-through caches. May import encoders, scenes and core. Nothing in here is needed for an answer to be right.
"""
