"""Targeted removal: what is left when concepts or objects are taken out?"""
