"""Repair of a text tower by one linear map."""
