"""The verdict over many seeded scenes."""
