"""What buttons do, all of them: each act and what its press calls."""

from bot.ids import Act
from bot.listeners.presses import deciding, reading, reporting, responding, telling
from bot.listeners.presses.common import Press

PRESSES: dict[Act, Press] = {
    **reporting.PRESSES,
    **reading.PRESSES,
    **responding.PRESSES,
    **deciding.PRESSES,
    **telling.PRESSES,
}
