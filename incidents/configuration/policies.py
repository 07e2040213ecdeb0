"""Reads the policy files into the frozen models of definitions."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from incidents.configuration import affected_areas, approvals, pipeline, words
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import Unreadable
from incidents.configuration.reader import Reader
from incidents.definitions import (
    Acknowledgement,
    Audience,
    EscalationTrigger,
    Gate,
    ImpactTrigger,
    ImprovementMetric,
    Kpi,
    MatrixRow,
    Policies,
    RegularUpdates,
    Severity,
    SeverityLevel,
    StepInput,
)

#: Roads that regular updates go by, in the seed's words.
CHANNELS = ("slack_incident_channel", "email_stakeholders")
#: The forms in which they are written.
FORMATS = ("structured_status_update",)

_ZERO = timedelta(0)
_MATRIX_KEYS = {f"{severity}_{suffix}": severity for severity in Severity for suffix in ("incident", "severity")}
_PROMISED = ("critical_incident", "high_severity")  # the seed's rows; medium and low may be left out


def read(reader: Reader, files: Mapping[str, Entry]) -> Policies:
    """Return the policies that `files` (file name without .yml -> content) say; missing files read as empty."""
    values: dict[str, Any] = {
        "time_based": (),
        "impact_based": (),
        "complexity_based": (),
        "communication_matrix": {},
        "regular_updates": RegularUpdates(frequency={}, channels=(), format=""),
        "severity_levels": {},
        "paging": (),
        "kpis": (),
    }
    for name, part in _PARTS.items():
        if name in files:
            top = reader.fields(files[name], required=(name,))
            if name in top:
                values |= part(reader, top[name])
    if "quality_gates" in files:  # its sets stand at the top, as in the seed
        values |= _quality_gates(reader, files["quality_gates"])
    return Policies(**values)


def _severity_levels(reader: Reader, entry: Entry) -> dict[str, Any]:
    levels = {}
    for name, level in reader.fields(entry, required=list(Severity)).items():
        keys = reader.fields(level, required=("description", "response_time", "escalation", "workflow"))
        levels[Severity(name)] = SeverityLevel(
            description=reader.text(keys.get("description")),
            response_time=reader.said(keys.get("response_time"), words.positive, _ZERO),
            escalation=reader.said(keys.get("escalation"), _escalation, ""),
            workflow=next(iter(reader.names(keys.get("workflow"), "workflow")), ""),
        )
    return {"severity_levels": levels}


def _escalation(text: str) -> str:
    if text != "next_business_day":
        try:
            words.within(text)
        except Unreadable:
            remedy = "Write immediate, next_business_day, or within_ and a time: within_1_hour"
            raise Unreadable(f"{text!r} says no time", remedy) from None
    return text


def _matrix(reader: Reader, entry: Entry) -> dict[str, Any]:
    optional = [*(key for key in _MATRIX_KEYS if key not in _PROMISED), "regular_updates"]
    keys = reader.fields(entry, required=_PROMISED, optional=optional)
    rows: dict[Severity, tuple[MatrixRow, ...]] = dict.fromkeys(Severity, ())
    for key, promises in keys.items():
        if key not in _MATRIX_KEYS:
            continue
        found = [
            MatrixRow(
                within=reader.parsed(audiences, label, words.within, _ZERO),
                label=label,
                audiences=reader.names(audiences, "audience"),
            )
            for label, audiences in reader.mapping(promises).items()
        ]
        rows[_MATRIX_KEYS[key]] = tuple(sorted(found, key=lambda row: row.within))
    updates = _regular_updates(reader, keys["regular_updates"]) if "regular_updates" in keys else {}
    return {"communication_matrix": rows, **updates}


def _regular_updates(reader: Reader, entry: Entry) -> dict[str, Any]:
    keys = reader.fields(
        entry, required=("frequency", "channels", "format"), optional=("draft_ahead", "overdue_after", "summaries")
    )
    frequency = _periods(reader, keys.get("frequency"))
    updates = RegularUpdates(
        frequency=frequency,
        channels=tuple(reader.choice(item, CHANNELS) for _, item in reader.words(keys.get("channels"))),
        format=reader.choice(keys.get("format"), FORMATS),
        draft_ahead=reader.said(keys.get("draft_ahead"), words.duration, timedelta(minutes=5)),
        overdue_after=reader.said(keys.get("overdue_after"), words.duration, timedelta(minutes=5)),
        summaries=_periods(reader, keys["summaries"]) if "summaries" in keys else {},
    )
    shortest = min(frequency.values(), default=None)
    if shortest is not None and updates.draft_ahead >= shortest:
        what = "the draft would appear before the update before it is due"
        reader.mistake(keys.get("draft_ahead", entry), what, "Make draft_ahead shorter than every frequency")
    return {"regular_updates": updates}


def _periods(reader: Reader, entry: Entry | None) -> dict[Severity, timedelta]:
    """Return what `every_30_minutes_critical` and the like say, each severity once."""
    periods: dict[Severity, timedelta] = {}
    for text, item in reader.words(entry):
        said = reader.parsed(item, text, words.frequency, None)
        if said is not None:
            severity, period = said
            if severity in periods:
                reader.mistake(item, f"{severity} has a frequency already", "Keep one of them")
            periods[severity] = period
    return periods


def _triggers(reader: Reader, entry: Entry) -> dict[str, Any]:
    keys = reader.fields(entry, required=("time_based", "impact_based", "complexity_based"))
    return {
        "time_based": _time_based(reader, keys.get("time_based")),
        "impact_based": _found(reader, keys.get("impact_based")),
        "complexity_based": _found(reader, keys.get("complexity_based")),
    }


def _time_based(reader: Reader, entry: Entry | None) -> tuple[EscalationTrigger, ...]:
    triggers = []
    for name, value in reader.pairs(entry):
        said = reader.parsed(value, name, words.trigger, None)
        audience = _audience(reader, value)
        if said is not None:
            severity, until, after = said
            triggers.append(
                EscalationTrigger(
                    name=name,
                    severity=severity,
                    until=until.value,
                    after=after,
                    escalate_to=audience,
                    action=str(value.value),
                )
            )
    return tuple(triggers)


def _found(reader: Reader, entry: Entry | None) -> tuple[ImpactTrigger, ...]:
    return tuple(
        ImpactTrigger(name=name, escalate_to=_audience(reader, value), action=str(value.value))
        for name, value in reader.pairs(entry)
    )


def _audience(reader: Reader, value: Entry) -> str:
    audience = reader.said(value, words.action, "")
    return reader.refer("audience", audience, value) if audience else ""


def _paging(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = []
    for name, levels in reader.fields(entry, optional=list(Severity)).items():
        keys = reader.fields(levels, required=("levels", "every"))
        found.append(
            Acknowledgement(
                severity=Severity(name),
                levels=reader.names(keys.get("levels"), "audience"),
                every=reader.said(keys.get("every"), words.positive, _ZERO),
            )
        )
    return {"paging": tuple(found)}


def _kpis(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = []
    groups = reader.fields(entry, required=("response_time", "quality_metrics", "business_impact"))
    for group, kpis in groups.items():
        for name, value in reader.pairs(kpis):
            limit, unit, direction = reader.said(value, words.target, (0.0, "seconds", "below"))
            found.append(
                Kpi(name=name, group=group, target=str(value.value), limit=limit, unit=unit, direction=direction)
            )
    return {"kpis": tuple(found)}


def _improvement_metrics(reader: Reader, entry: Entry) -> dict[str, Any]:
    cadences = ("track_per_incident", "track_monthly", "track_quarterly")
    found = [
        ImprovementMetric(
            name=name, group=group, tracked=reader.choice(value, cadences, cadences[0]).removeprefix("track_")
        )
        for group, metrics in reader.mapping(entry).items()
        for name, value in reader.pairs(metrics)
    ]
    return {"improvement_metrics": tuple(found)}


def _quality_gates(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = {
        name: {phase: _asked(reader, gates) for phase, gates in reader.mapping(phases).items()}
        for name, phases in reader.mapping(entry).items()
    }
    return {"quality_gates": found}


def _asked(reader: Reader, entry: Entry) -> tuple[str, ...]:
    asked = []
    for name, wanted in reader.pairs(entry):
        reader.refer("gate", name, wanted)
        if not isinstance(wanted.value, bool):
            reader.mistake(wanted, "should be true or false", "Write true to ask for it, false to leave it out")
        elif wanted.value:
            asked.append(name)
    return tuple(asked)


def _gates(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = {}
    for name, asks in reader.mapping(entry).items():
        found[name] = Gate(name=name, asks=reader.text(asks))
    return {"gates": found}


def _audiences(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = {}
    for name, means in reader.mapping(entry).items():
        found[name] = Audience(name=name, means=reader.text(means))
    return {"audiences": found}


def _step_inputs(reader: Reader, entry: Entry) -> dict[str, Any]:
    found = {}
    for name, given in reader.mapping(entry).items():
        keys = reader.fields(given, required=("from", "means"), optional=("output",))
        source = reader.choice(keys.get("from"), ("record", "service", "step"), "record")
        output = reader.text(keys.get("output"))
        if (source == "step") != bool(output):
            reader.mistake(given, "`output` stands with `from: step` and only there", "Name the output that it is")
        found[name] = StepInput(name=name, source=source, output=output, means=reader.text(keys.get("means")))
    return {"step_inputs": found}


Part = Callable[[Reader, Entry], dict[str, Any]]

_Part = Callable[[Reader, Entry], dict[str, Any]]

#: Policy file (without .yml) -> what reads what stands under its one key, which is the file's name.
_PARTS: dict[str, _Part] = {
    "severity_levels": _severity_levels,
    "communication_matrix": _matrix,
    "escalation_triggers": _triggers,
    "paging": _paging,
    "emergency_kpis": _kpis,
    "improvement_metrics": _improvement_metrics,
    "gates": _gates,
    "audiences": _audiences,
    "step_inputs": _step_inputs,
    "approvals": approvals.read,
    "affected_areas": affected_areas.read,
    "bugfix_pipeline": lambda reader, entry: {"bugfix_pipeline": pipeline.read(reader, entry)},
}

#: The policy files, without .yml.
FILES = (*_PARTS, "quality_gates")
