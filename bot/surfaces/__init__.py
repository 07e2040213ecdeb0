"""Surfaces: each loads the rows it shows and draws them; what is sent is what is true when it is sent."""

from bot.surfaces.registry import Surfaces, draw

__all__ = ["Surfaces", "draw"]
