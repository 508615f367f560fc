"""Complexity of the binding function: how small a function predicts scenes of unseen objects?"""
