"""Reads affected_areas.yml: for each area its agent, its prompt, and the files that belong to it."""

from typing import Any

from incidents.configuration.documents import Entry
from incidents.configuration.reader import Reader
from incidents.definitions import AGENTS, AffectedArea, Area


def read(reader: Reader, entry: Entry) -> dict[str, Any]:
    """Return the areas that stand in `entry`, in the order of the file."""
    known = reader.fields(entry, required=list(Area))
    return {"affected_areas": tuple(_area(reader, Area(name), said) for name, said in known.items())}


def _area(reader: Reader, area: Area, entry: Entry) -> AffectedArea:
    keys = reader.fields(entry, required=("means", "agent", "prompt"), optional=("paths",))
    return AffectedArea(
        area=area,
        means=reader.text(keys.get("means")),
        agent=agent(reader, keys.get("agent")),
        prompt=next(iter(reader.names(keys.get("prompt"), "prompt of an area")), ""),
        paths=tuple(word for word, _ in reader.words(keys.get("paths"))),
    )


def of_step(reader: Reader, entry: Entry | None) -> dict[Area, str]:
    """Return the agents that a step names under `areas`, by area."""
    return {Area(name): agent(reader, said) for name, said in reader.fields(entry, optional=list(Area)).items()}


def agent(reader: Reader, entry: Entry | None) -> str:
    """Return the one agent that stands in `entry`."""
    return reader.choice(entry, AGENTS)
