"""Who is told what, when, and by which road; what happens when nobody moves."""
