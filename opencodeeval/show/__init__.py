"""Records for people: the leaderboard, the report of a run, charts, and publishing scores."""
