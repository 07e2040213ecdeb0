"""Every method that the workspace knows: importing the families registers them."""

from bot.workspace.web_api import (
    auth,
    bookmarks,
    canvases,
    chat,
    conversations,
    files,
    history,
    membership,
    pins,
    reactions,
    scheduled,
    streams,
    usergroups,
    users,
    views,
)
from bot.workspace.web_api.registry import METHODS

FAMILIES = (
    auth,
    bookmarks,
    canvases,
    chat,
    conversations,
    files,
    history,
    membership,
    pins,
    reactions,
    scheduled,
    streams,
    usergroups,
    users,
    views,
)

__all__ = ["FAMILIES", "METHODS"]
