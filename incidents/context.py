"""What use cases need besides the open transaction."""

from dataclasses import dataclass

from incidents.catalog import Service, Settings
from incidents.clock import Clock
from incidents.definitions import Library
from incidents.store import Store


@dataclass(frozen=True)
class Context:
    """One installation: its database, its time, its policies and its catalogue."""

    store: Store
    clock: Clock
    library: Library
    settings: Settings
    providers: tuple[str, ...] = ("playbook",)  #: who can carry out steps; the first does unless told otherwise

    def service(self, key: str) -> Service | None:
        """Return the catalogue's service `key`, or None where it is not listed."""
        return self.settings.services.get(key)
