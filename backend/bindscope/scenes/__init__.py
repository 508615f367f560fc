"""Concepts, scenes, swaps, captions and pictures. Imports only the standard library, numpy and Pillow."""
