"""Who carries out a step: the playbook on real evidence, or Claude."""
