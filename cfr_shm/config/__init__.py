"""What a run can be told: sections, their keys and rules, and how they are read and written."""
