"""Analysis of recorded scores: leaderboards, comparisons, history, recommendations, exports."""
