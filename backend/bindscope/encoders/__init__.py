"""Encoders: pictures and texts to vectors, behind one small protocol. May import models, scenes and core.

Heavy libraries are imported inside the builders, so that listing models costs nothing.
"""
