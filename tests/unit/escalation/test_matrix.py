"""What the matrix promises, and what a change of severity may and may not do to it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from escalation import matrix
from incidents.catalog import Person, Settings
from incidents.definitions import MatrixRow, Severity
from tests import installation
from tests.clock import START

LIBRARY = installation.library()
MATRIX = LIBRARY.policies.communication_matrix
NAMES = ("ana", "bo", "cy", "dee", "eli", "flo", "gus")
PEOPLE = {name: Person(key=name, name=name.capitalize(), slack=f"U0{name.upper()}") for name in NAMES}
EVERY_AUDIENCE = sorted({name for rows in MATRIX.values() for row in rows for name in row.audiences})
FULL = Settings(
    people=PEOPLE,
    audiences={
        "on_call_engineer": ("ana",),
        "team_lead": ("bo",),
        "product_manager": ("cy",),
        "engineering_manager": ("dee",),
        "cto": ("eli",),
        "ceo": ("flo",),
        "customer_success": ("gus",),
    },
)


def hears(promises: tuple[matrix.Promise, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for promise in promises:
        found.setdefault(promise.label, []).append(promise.who.name)
    return found


def plan(severity: Severity, settings: Settings = FULL, **options: object) -> matrix.Plan:
    given_options = {"since": START, "now": START, **options}
    return matrix.plan(MATRIX[severity], settings, **given_options)  # type: ignore[arg-type]


def test_critical_tells_three_now_two_in_30_min_two_in_60_min() -> None:
    made = plan(Severity.CRITICAL)
    assert hears(made.now) == {"immediate": ["Ana", "Bo", "Cy"]}
    assert hears(made.later) == {"within_30_min": ["Dee", "Eli"], "within_60_min": ["Flo", "Gus"]}
    assert made.timers == {
        "within_30_min": START + timedelta(minutes=30),
        "within_60_min": START + timedelta(minutes=60),
    }
    assert made.unfilled == ()


def test_the_stakeholder_update_of_a_high_incident_goes_to_everybody_told_so_far() -> None:
    made = plan(Severity.HIGH)
    assert hears(made.later)["within_4_hours"] == ["Ana", "Bo", "Cy", "Dee"]


def test_an_incident_nobody_is_assigned_to_goes_to_whoever_is_on_call() -> None:
    assert hears(plan(Severity.HIGH).now) == {"immediate": ["Ana", "Bo"]}


def test_raising_to_critical_late_sends_at_once_what_is_due_by_now() -> None:
    later = START + timedelta(minutes=45)
    told = frozenset({("immediate", "U0ANA"), ("immediate", "U0BO")})
    made = plan(Severity.CRITICAL, now=later, told=told, waiting={"within_2_hours", "within_4_hours"})
    assert hears(made.now) == {"immediate": ["Cy"], "within_30_min": ["Dee", "Eli"]}
    assert hears(made.later) == {"within_60_min": ["Flo", "Gus"]}
    assert made.cancelled == ("within_2_hours", "within_4_hours")


def test_lowering_cancels_what_is_no_longer_promised() -> None:
    told = frozenset({("immediate", "U0ANA"), ("immediate", "U0BO"), ("immediate", "U0CY")})
    made = plan(Severity.MEDIUM, told=told, waiting={"within_30_min", "within_60_min"})
    assert made.now == ()
    assert made.later == ()
    assert made.cancelled == ("within_30_min", "within_60_min")


def test_an_audience_with_nobody_in_it_is_named() -> None:
    settings = Settings(people=PEOPLE, audiences={"on_call_engineer": ("ana",)})
    assert plan(Severity.CRITICAL, settings).unfilled == (
        "team_lead",
        "product_manager",
        "engineering_manager",
        "cto",
        "ceo",
        "customer_success",
    )


def test_a_drill_without_an_audience_tells_nobody_and_complains_of_nobody() -> None:
    made = plan(Severity.CRITICAL, drill=True)
    assert (made.now, made.later, made.unfilled) == ((), (), ())


def test_a_drill_tells_only_its_own_audience() -> None:
    settings = FULL.model_copy(update={"drill_audience": "drill", "audiences": {**FULL.audiences, "drill": ("gus",)}})
    made = plan(Severity.CRITICAL, settings, drill=True)
    assert hears((*made.now, *made.later)) == {"immediate": ["Gus"]}


def test_the_preview_names_people_now_and_offices_later() -> None:
    seen = matrix.preview(LIBRARY, FULL, Severity.CRITICAL)
    assert seen.sentence == (
        "Now on-call Ana, lead Bo, product Cy · +30 min eng manager, CTO · +60 min CEO, customer success; "
        "status every 30 min; CTO if not resolved in 60 min"
    )


def test_the_preview_says_when_nobody_is_configured() -> None:
    assert "CTO (nobody configured)" in matrix.preview(LIBRARY, Settings(), Severity.CRITICAL).sentence


audiences = st.dictionaries(
    st.sampled_from(EVERY_AUDIENCE), st.lists(st.sampled_from(NAMES), max_size=3).map(tuple), max_size=9
)
rows = st.lists(
    st.builds(
        lambda minutes, names: MatrixRow(
            within=timedelta(minutes=minutes), label=f"within_{minutes}_min", audiences=tuple(names)
        ),
        st.integers(0, 240),
        st.lists(st.sampled_from(EVERY_AUDIENCE), max_size=4, unique=True),
    ),
    max_size=5,
    unique_by=lambda row: row.label,
).map(tuple)


@given(
    audiences=audiences,
    changes=st.lists(st.tuples(rows, st.integers(0, 90)), min_size=1, max_size=6),
)
def test_no_change_of_severity_breaks_the_rules(
    audiences: dict[str, tuple[str, ...]], changes: list[tuple[tuple[MatrixRow, ...], int]]
) -> None:
    settings = Settings(people=PEOPLE, audiences=audiences)
    told: set[tuple[str, str]] = set()
    waiting: set[str] = set()
    now = START
    for changed, minutes in changes:
        now += timedelta(minutes=minutes)
        made = matrix.plan(changed, settings, since=START, now=now, told=frozenset(told), waiting=waiting)
        everything = (*made.now, *made.later)
        keys = [(each.label, each.who.person) for each in everything]
        assert len(keys) == len(set(keys)), "promised twice in one row"
        assert not told & set(keys), "told again"
        plain = [each.who.person for each in everything if each.audience != matrix.EVERYBODY_SO_FAR]
        assert len(plain) == len(set(plain)), "one person in two rows"
        assert not {person for _, person in told} & set(plain), "heard already"
        due = [each.due_at for each in everything]
        assert due == sorted(due), "a later row is due before an earlier one"
        assert all(each.due_at == now for each in made.now), "due now is due now"
        assert all(each.due_at > now for each in made.later)
        assert not set(made.cancelled) & set(made.timers), "cancelled and armed"
        assert waiting <= set(made.cancelled) | set(made.timers), "a timer is neither kept nor cancelled"
        assert all(made.timers[each.label] == each.due_at for each in made.later), "one row, two times"
        told |= {(each.label, each.who.person) for each in made.now}
        waiting = set(made.timers)


@given(audiences=audiences, severity=st.sampled_from(Severity))
def test_everybody_named_by_the_matrix_is_promised_or_reported(
    audiences: dict[str, tuple[str, ...]], severity: Severity
) -> None:
    settings = Settings(people=PEOPLE, audiences=audiences)
    made = matrix.plan(MATRIX[severity], settings, since=START, now=START)
    promised = {each.who.name.lower() for each in (*made.now, *made.later)}
    for row in MATRIX[severity]:
        for audience in row.audiences:
            members = settings.audiences.get(audience, ())
            assert set(members) <= promised
            stands_in = audience == matrix.EVERYBODY_SO_FAR or (
                audience == "assigned_engineer"
                and "assigned_engineer" not in settings.audiences
                and settings.audiences.get("on_call_engineer")
            )
            assert bool(members) or bool(stands_in) or audience in made.unfilled
