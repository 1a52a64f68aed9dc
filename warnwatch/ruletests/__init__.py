"""Tests of rules, written in YAML by those who write the rules: facts in, expected levels and notifications out."""
