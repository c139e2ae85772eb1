"""Rulebooks: who must buy, who may, who is exempt or barred, by law with dates. The engine is `rules`."""
