"""What was decided before is decided again: evidence and policies of the past, with the verdicts that they had."""
