"""The playbook's steps of the bug pipeline, by fixed rules on real evidence."""
