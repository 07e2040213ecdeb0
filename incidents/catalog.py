"""What `sitrep.yml` says: the services, the people, who fills which role, who may approve what."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from incidents.definitions import Severity
from incidents.durations import Duration


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(_Frozen):
    """One place where a service runs. Commands are argv lists; `{commit}` and `{release}` are filled in."""

    deploy: tuple[str, ...] = ()  #: starts a release from `{commit}`; prints one JSON line {"release", "commit"}
    rollback: tuple[str, ...] = ()  #: puts back `{release}`
    switches: dict[str, tuple[str, ...]] = Field(default_factory=dict)  #: name of a feature -> what switches it off
    health: str = ""  #: URL; 200 means healthy
    stats: str = ""  #: URL answering {"requests": n, "errors": n} since start, for the error rate
    watch: Duration = timedelta(minutes=10)  #: how long a release is watched before it counts as recovered
    max_error_rate: float = Field(default=0.01, ge=0, le=1)  #: above this a watched release counts as bad
    deploy_timeout: Duration = timedelta(minutes=10)

    def deploying(self, commit: str) -> list[str]:
        """Return the command that starts a release from `commit`; empty where there is none."""
        return [part.replace("{commit}", commit).replace("{release}", "") for part in self.deploy]

    def putting_back(self, release: str) -> list[str]:
        """Return the command that puts `release` back; empty where there is none."""
        return [part.replace("{release}", release).replace("{commit}", "") for part in self.rollback]

    def switching_off(self, switch: str) -> list[str]:
        """Return the command that switches `switch` off; empty where there is none of that name."""
        return list(self.switches.get(switch, ()))


class Tests(_Frozen):
    """How a service's own tests are run."""

    command: tuple[str, ...] = ()  #: argv; run inside the worktree
    timeout: Duration = timedelta(minutes=5)
    python: str = ""  #: interpreter put first on PATH, where the tests need another than Sitrep's own


class Repository(_Frozen):
    """One of the repositories that a service's code stands in."""

    name: str = ""  #: filled from the mapping's key
    path: str = ""  #: a local clone
    branch: str = "main"
    github: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")  #: `owner/name`, where pull requests are opened
    tests: Tests = Tests()


class Service(_Frozen):
    """A service of the catalogue."""

    key: str = ""  #: filled from the mapping's key
    title: str = ""
    repository: str = ""  #: path of a local clone
    branch: str = "main"
    logs: tuple[str, ...] = ()  #: paths of log files, newest content last
    deploys: str = ""  #: path of the deploy log: JSON lines {"at", "release", "commit", "environment", "by"}
    production: Environment = Environment()
    staging: Environment | None = None
    tests: Tests = Tests()
    runbook: str = ""  #: URL, or path inside the repository
    dashboard: str = ""
    war_room: str = ""
    areas: dict[str, tuple[str, ...]] = Field(default_factory=dict)  #: api|frontend|data|infrastructure -> path globs
    depends_on: tuple[str, ...] = ()  #: other services of the catalogue
    third_parties: tuple[str, ...] = ()  #: vendors it needs
    github: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")  #: `owner/name` of `repository` on GitHub
    repositories: dict[str, Repository] = Field(default_factory=dict)  #: further ones, by name

    def codebases(self) -> tuple[Repository, ...]:
        """Return all its repositories: that of `repository` first, called like the service, then the further ones."""
        own = Repository(name=self.key, path=self.repository, branch=self.branch, github=self.github, tests=self.tests)
        return (*((own,) if self.repository else ()), *self.repositories.values())

    def codebase(self, name: str) -> Repository | None:
        """Return the repository that a step names; its own where the step names none, None where it has none such."""
        return next((each for each in self.codebases() if each.name == (name or self.key)), None)


class Person(_Frozen):
    """Somebody Sitrep knows by name."""

    key: str = ""
    name: str = ""
    email: str = ""
    slack: str = ""  #: Slack id; looked up by e-mail where empty
    webhook: str = ""  #: URL that takes JSON, for while Slack is away; the installation's own where empty


class Approvers(_Frozen):
    """Who, besides the incident commander, may decide. Names are people or roles."""

    deploy: tuple[str, ...] = ()
    choose_fix: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    merge: tuple[str, ...] = ()
    attest: tuple[str, ...] = ()


class Sandbox(_Frozen):
    """How a repository's own code is run."""

    mode: str = Field(default="bubblewrap", pattern="^(bubblewrap|none)$")  #: `none` must be chosen; never a fallback
    memory_mb: int = 1024


class CommandAgent(_Frozen):
    """An external command-line agent: takes the prompt on stdin, answers one JSON object on stdout."""

    command: tuple[str, ...] = ()  #: argv; `{model}` is filled in with the stage's model
    network: bool = False  #: whether it may reach its model; the folder it works in holds the repository's code
    environment: tuple[str, ...] = ()  #: names of Sitrep's environment variables that it is handed, such as its key
    reads: tuple[str, ...] = ()  #: folders that it may read: its installation, its sign-in


class ModelAgent(_Frozen):
    """Claude as a developer: how far it may go in one step."""

    writes: bool = True  #: whether it writes fixes; it betters what the playbook drafts all the same
    messages: int = Field(default=40, ge=4, le=200)  #: of the model in one step; each may call several tools
    tokens: int = Field(default=800_000, ge=20_000)  #: in and out in one step, those from the cache included


class Providers(_Frozen):
    """Who carries out steps besides the playbook."""

    anthropic: ModelAgent = ModelAgent()
    command: CommandAgent = CommandAgent()


class Retention(_Frozen):
    """What is let go after which time since an incident ended. None keeps it for good."""

    archive_channel_after: Duration | None = None  #: its channel goes into Slack's archive
    strip_after: Duration | None = None  #: excerpts of evidence, finished deliveries and timers go
    forget_incident_after: Duration | None = None  #: everything goes, timeline and post-mortem included


class Lateness(_Frozen):
    """From when on delivery counts as late and operators hear of it."""

    page: Duration = timedelta(minutes=1)
    notice: Duration = timedelta(minutes=5)  #: decisions, status and mail; progress in threads may wait
    timer: Duration = timedelta(minutes=1)


class Away(_Frozen):
    """When people are told by another road because Slack does not take what is for them."""

    page_after: Duration = timedelta(seconds=60)
    notice_after: Duration = timedelta(minutes=2)  #: what stakeholders are promised, escalations, status updates
    severities: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)  #: whose notices; pages always


class PostmortemDates(_Frozen):
    """When a post-mortem is due once an incident is resolved, by the business calendar."""

    severities: tuple[Severity, ...] = (Severity.CRITICAL, Severity.HIGH)  #: others have no date unless people set one
    business_days: int = Field(default=1, ge=1, le=20)  #: 1: when business opens next


class Settings(_Frozen):
    """The whole of `sitrep.yml`."""

    workspace_name: str = ""
    business_hours: str = "Mon-Fri 09:00-17:00"
    timezone: str = "UTC"
    holidays: str = ""  #: country, or country and part of it, whose public holidays are no business days: DE, DE-BY
    operators_channel: str = ""  #: where Sitrep speaks of its own troubles
    operators: tuple[str, ...] = ()  #: people who look after Sitrep; told by mail when Slack is what is away
    late_after: Lateness = Lateness()
    retention: Retention = Retention()
    announce_channel: str = ""  #: where a declared incident is announced, where one is wanted
    services: dict[str, Service] = Field(default_factory=dict)
    people: dict[str, Person] = Field(default_factory=dict)
    audiences: dict[str, tuple[str, ...]] = Field(default_factory=dict)  #: matrix audience (cto, team_lead …) -> people
    approvers: Approvers = Approvers()
    #: Whether the commander may approve, for a reason that stays in the record, what they made by hand themselves.
    commander_may_override_four_eyes: bool = False
    postmortem: PostmortemDates = PostmortemDates()
    while_slack_is_away: Away = Away()
    sandbox: Sandbox = Sandbox()
    providers: Providers = Providers()
    drill_audience: str = ""
    revenue_threshold_per_hour: float | None = None
    models: dict[str, str] = Field(default_factory=dict)  #: tier (fast, standard, deep) -> model id
    model_budget_usd: float = Field(default=5.0, gt=0)  #: per incident
