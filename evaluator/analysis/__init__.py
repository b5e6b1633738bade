"""What recorded scores allow to say: leaderboards, comparisons, history, recommendations, exports."""
