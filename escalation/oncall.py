"""Who is meant by an audience: the people of `sitrep.yml` behind a name. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from incidents.catalog import Person, Settings

#: An audience that is not configured is this one: whoever is on call is the engineer an incident is assigned to.
STANDS_IN = {"assigned_engineer": "on_call_engineer"}

#: The seed's audiences as people say them, where the plain words are not short enough.
_SHORT = {
    "on_call_engineer": "on-call",
    "assigned_engineer": "engineer",
    "team_lead": "lead",
    "product_manager": "product",
    "engineering_manager": "eng manager",
    "stakeholder_update": "all told so far",
}
_INITIALS = frozenset({"cto", "ceo", "coo", "cfo", "ciso", "vp"})


@dataclass(frozen=True)
class Contact:
    """Somebody who can be told."""

    person: str  #: Slack id; for somebody without one, the key in `sitrep.yml`
    name: str
    slack: str = ""
    email: str = ""
    webhook: str = ""  #: empty where the installation's own is meant


def contact(settings: Settings, name: str) -> Contact | None:
    """Return the person called `name`: a key of `people`, a Slack id, or an e-mail address; None when unknown."""
    for key, person in settings.people.items():
        if name and name in (key, person.slack, person.email):
            return _contact(key, person)
    if "@" in name:
        return Contact(person=name, name=name.split("@")[0], email=name)
    if name[:1] in ("U", "W") and name.isalnum() and name.isupper():
        return Contact(person=name, name=f"<@{name}>", slack=name)
    return None


def _contact(key: str, person: Person) -> Contact:
    return Contact(
        person=person.slack or key,
        name=person.name or key,
        slack=person.slack,
        email=person.email,
        webhook=person.webhook,
    )


def people(settings: Settings, audience: str) -> tuple[Contact, ...]:
    """Return the people of `audience` whom a road leads to, each once, in the order of the file."""
    found: dict[str, Contact] = {}
    for member in _members(settings, audience, frozenset()):
        who = contact(settings, member)
        if who is not None and (who.slack or who.email):
            found.setdefault(who.person, who)
    return tuple(found.values())


def heard_by(settings: Settings, audience: str, *, drill: bool) -> tuple[Contact, ...]:
    """Return whom a notice to `audience` reaches; in a drill the drill's own audience plays every part, or nobody."""
    name = settings.drill_audience if drill else audience
    return people(settings, name) if name else ()


def _members(settings: Settings, name: str, above: frozenset[str]) -> Iterable[str]:
    if name not in settings.audiences and name in STANDS_IN:
        name = STANDS_IN[name]
    if name in above:
        return
    if name not in settings.audiences:
        if above:  # a member that is no audience is a person
            yield name
        return
    for member in settings.audiences[name]:
        yield from _members(settings, member, above | {name})


def called(audience: str) -> str:
    """Return the audience in words: `CTO`, `on-call engineer`, `customer success`."""
    words = audience.replace("on_call", "on-call").replace("_", " ")
    return words.upper() if words in _INITIALS else words


def short(audience: str) -> str:
    """Return the audience in as few words as fit a preview: `on-call`, `lead`, `CTO`."""
    return _SHORT.get(audience) or called(audience)
