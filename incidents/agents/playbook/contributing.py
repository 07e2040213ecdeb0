"""What contributed to an incident, by rules that turn facts into findings; a rule without its fact is silent."""

from incidents.agents.playbook import release_rules, service_rules
from incidents.agents.playbook.factors import Finding
from incidents.agents.playbook.story import Story


def findings(story: Story) -> list[Finding]:
    """Return what every rule found that has a fact to stand on."""
    rules = (*release_rules.RULES, *service_rules.RULES)
    return [found for rule in rules if (found := rule(story)) is not None]
