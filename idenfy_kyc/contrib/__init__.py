"""Doors to libraries that a project may have. Nothing here is imported unless a setting names it."""
