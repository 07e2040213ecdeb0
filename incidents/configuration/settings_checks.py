"""Checks what sitrep.yml names against each other: people, audiences, services, commands, addresses, times."""

import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents import calendars
from incidents.catalog import Person, Settings
from incidents.configuration import words
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import advise
from incidents.configuration.reader import Reader
from incidents.configuration.settings import environments

EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,}", re.ASCII)
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{2,}", re.ASCII)
KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)  # it becomes part of keys, branches and channel names
PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")

#: What a command may have filled in, and which of it the command cannot do without.
COMMANDS = {"deploy": "commit", "rollback": "release"}
TIERS = ("fast", "standard", "deep")

_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_HOURS = re.compile(rf"(?:{_DAYS})-(?:{_DAYS}) (?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d")


def check(reader: Reader, file: Entry, settings: Settings, *, audiences: Collection[str] | None) -> Settings:
    """Return `settings` with people named by e-mail or Slack id resolved; notes everything that does not fit.

    `audiences` are those that the policies speak of, or None where they could not be read.
    """
    top = reader.mapping(file)
    _check_times(reader, top, settings)
    _check_services(reader, top.get("services"), settings)
    for tier, entry in reader.mapping(top.get("models")).items():
        if tier not in TIERS:
            reader.mistake(entry, f"there is no model tier {tier}", advise(tier, TIERS))
    _check_channels(reader, top, settings)
    for section in ("late_after", "retention"):
        for entry in reader.mapping(top.get(section)).values():
            _check_positive(reader, entry)
    settings = _People(reader, settings).resolve(top)
    if audiences is not None:
        known = {*audiences, *settings.audiences}
        for name, entry in reader.mapping(top.get("audiences")).items():
            if name not in audiences:
                remedy = advise(name, audiences, otherwise="describe it in audiences.yml, and name it in a policy")
                reader.mistake(entry, f"no policy speaks of the audience {name}", remedy)
        if settings.drill_audience and settings.drill_audience not in known:
            remedy = advise(settings.drill_audience, sorted(known))
            reader.mistake(top["drill_audience"], f"there is no audience {settings.drill_audience}", remedy)
    return settings


def _check_times(reader: Reader, top: dict[str, Entry], settings: Settings) -> None:
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a name such as `../etc` or a folder of zones
        what = f"there is no time zone {settings.timezone!r}"
        reader.mistake(top["timezone"], what, "Write it like Europe/Berlin or UTC")
    if not _HOURS.fullmatch(settings.business_hours):
        what = f"{settings.business_hours!r} are no business hours"
        reader.mistake(top["business_hours"], what, "Write them like Mon-Fri 09:00-17:00")
    try:
        calendars.public_holidays(settings.holidays)
    except ValueError as error:
        reader.mistake(top["holidays"], str(error), "Write a country like DE, or a part of it like DE-BY or US-CA")


def _check_channels(reader: Reader, top: dict[str, Entry], settings: Settings) -> None:
    for key, channel in (
        ("operators_channel", settings.operators_channel),
        ("announce_channel", settings.announce_channel),
    ):
        if channel and not _CHANNEL_ID.fullmatch(channel):
            what = f"{channel!r} is not a channel's Slack id"
            reader.mistake(top[key], what, "Copy the channel ID from the end of the channel's details: C01ABC234")


def _check_services(reader: Reader, entry: Entry | None, settings: Settings) -> None:
    for key, place in reader.mapping(entry).items():
        service, keys = settings.services[key], reader.mapping(place)
        if not KEY.fullmatch(key):
            what = f"{key!r} cannot be the key of a service"
            reader.mistake(place, what, "Use lower-case letters, digits, dots and dashes, at most 63")
        for name, item in reader.words(keys.get("depends_on")):
            if name == key or name not in settings.services:
                others = [other for other in settings.services if other != key]
                what = "a service cannot depend on itself" if name == key else f"there is no service {name}"
                reader.mistake(item, what, "Remove it" if name == key else advise(name, others))
        _check_positive(reader, reader.mapping(keys.get("tests")).get("timeout"))
        for stage in environments(service):
            environment = reader.mapping(keys.get(stage))
            _check_environment(reader, environment)
            _check_positive(reader, environment.get("deploy_timeout"))


def _check_environment(reader: Reader, keys: dict[str, Entry]) -> None:
    for name in ("health", "stats"):
        if name in keys and keys[name].value:
            _check_url(reader, keys[name], like=f"http://127.0.0.1:8000/{name}")
    for name, needed in COMMANDS.items():
        command = reader.items(keys.get(name))
        if not command:
            continue
        filled = [(word, item) for item in command for word in PLACEHOLDER.findall(str(item.value))]
        if needed not in [word for word, _ in filled]:
            what = f"the command does not say which {needed} it is about"
            reader.mistake(keys[name], what, f"Put {{{needed}}} where the {needed} belongs")
        for word, item in filled:
            if word not in COMMANDS.values():
                known = [f"{{{each}}}" for each in COMMANDS.values()]
                reader.mistake(item, f"{{{word}}} is never filled in", f"Use {' or '.join(known)}")


def _check_positive(reader: Reader, entry: Entry | None) -> None:
    if entry is not None:
        reader.said(entry, words.positive, words.MAX_DURATION)


def _check_url(reader: Reader, entry: Entry, *, like: str) -> None:
    if not _is_address(str(entry.value)):
        reader.mistake(entry, f"{str(entry.value)[:80]!r} is not an address", f"Write it like {like}")


def _check_webhook(reader: Reader, entry: Entry) -> None:
    if not _is_address(str(entry.value)):  # whoever knows one can post: it is never repeated
        reader.mistake(entry, "is not an address", "Write it like https://alerts.example.org/ana")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return port_is_number and parts.scheme in ("http", "https") and bool(parts.hostname)


class _People:
    """Resolves names of people; whoever is named by e-mail or Slack id alone becomes a person by that name."""

    def __init__(self, reader: Reader, settings: Settings) -> None:
        self.reader = reader
        self.settings = settings
        self.people: dict[str, Person] = dict(settings.people)
        self.by_address: dict[str, str] = {}
        self.groups: tuple[str, ...] = ()

    def resolve(self, top: dict[str, Entry]) -> Settings:
        """Return the settings with every name replaced by the person's key."""
        self._check_people(self.reader.mapping(top.get("people")))
        lists = self.reader.mapping(top.get("audiences"))
        self.groups = tuple(lists)
        named = {name: self._members(members) for name, members in lists.items()}
        audiences = {name: tuple(dict.fromkeys(self._flat(name, named, lists, ()))) for name in named}
        decisions = self.reader.mapping(top.get("approvers"))
        approvers = {kind: self._members(members) for kind, members in decisions.items()}
        return self.settings.model_copy(
            update={
                "people": self.people,
                "operators": self._members(top.get("operators")),
                "audiences": audiences,
                "approvers": self.settings.approvers.model_copy(update=approvers),
            }
        )

    def _check_people(self, entries: dict[str, Entry]) -> None:
        for key, entry in entries.items():
            person, keys = self.settings.people[key], self.reader.mapping(entry)
            if not (person.email or person.slack):
                self.reader.mistake(entry, "has neither email nor slack", "Add one, so that Sitrep can find the person")
            if person.email and not EMAIL.fullmatch(person.email):
                what = f"{person.email!r} is not an e-mail address"
                self.reader.mistake(keys["email"], what, "Write it like ana@example.org")
            if person.slack and not SLACK_ID.fullmatch(person.slack):
                what = f"{person.slack!r} is not a Slack id"
                self.reader.mistake(keys["slack"], what, "Copy the member ID from the profile in Slack: U01ABC234")
            if person.webhook:
                _check_webhook(self.reader, keys["webhook"])
            for address in filter(None, (person.email.lower(), person.slack)):
                if address in self.by_address:
                    what = f"{address} is {self.by_address[address]} already"
                    self.reader.mistake(entry, what, "List each person once")
                self.by_address.setdefault(address, key)

    def _flat(
        self, name: str, named: Mapping[str, tuple[str, ...]], lists: Mapping[str, Entry], above: tuple[str, ...]
    ) -> Iterator[str]:
        """Yield the people of an audience, those of the audiences that it names included."""
        if name in above:
            circle = " → ".join([*above[above.index(name) :], name])
            self.reader.mistake(lists[name], f"these audiences name each other: {circle}", "Remove one of them")
            return
        for member in named[name]:
            yield from self._flat(member, named, lists, (*above, name)) if member in named else (member,)

    def _members(self, entry: Entry | None) -> tuple[str, ...]:
        found = [self._member(word, item) for word, item in self.reader.words(entry)]
        return tuple(dict.fromkeys(name for name in found if name))

    def _member(self, word: str, item: Entry) -> str:
        known = self.by_address.get(word) or self.by_address.get(word.lower())
        if word in self.people or word in self.groups:
            return word
        if known:
            return known
        if EMAIL.fullmatch(word) or SLACK_ID.fullmatch(word):
            address = {"email": word} if "@" in word else {"slack": word}
            self.people[word] = Person(key=word, name=word.partition("@")[0], **address)
            self.by_address[word.lower() if "@" in word else word] = word
            return word
        others = [*self.people, *self.groups]
        otherwise = "add the person under people, or write an e-mail address or a Slack id"
        self.reader.mistake(item, f"there is no person {word}", advise(word, others, otherwise=otherwise))
        return ""
