"""The playbook: carries out every step by fixed rules on real evidence, without a model."""
