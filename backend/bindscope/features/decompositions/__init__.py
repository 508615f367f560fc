"""Additive decomposition: is a scene the sum of its objects?"""
