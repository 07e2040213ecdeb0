"""What a run keeps of its workflow."""

from incidents import loading, records
from incidents.definitions import Severity
from incidents.response import frozen


def test_what_a_newer_version_froze_is_read_by_the_older_one_that_still_serves() -> None:
    library, _ = loading.load(loading.templates_root(), None)
    ours = library.workflows[library.policies.severity_levels[Severity.CRITICAL].workflow]
    document = ours.model_dump(mode="json")
    document["of_the_next_version"] = True
    for stage in document["stages"]:
        for step in stage["steps"]:
            step["of_the_next_version"] = ["x"]
    run = records.Run(incident_id=1, workflow=ours.name, definition=document, digest="frozen-by-a-newer-version")
    assert frozen.definition_of(run) == ours
