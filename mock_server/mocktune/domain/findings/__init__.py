"""The findings of a verdict, by what they are about, and what their predicates look at."""
