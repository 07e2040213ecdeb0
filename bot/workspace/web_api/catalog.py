"""Every method that the workspace knows: importing the families registers them."""

from bot.workspace.web_api import auth, chat, conversations, history, membership, views
from bot.workspace.web_api.registry import METHODS

FAMILIES = (auth, chat, conversations, history, membership, views)

__all__ = ["FAMILIES", "METHODS"]
