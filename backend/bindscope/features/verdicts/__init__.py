"""The verdict on one scene."""
