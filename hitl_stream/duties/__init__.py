"""What the scheduler does: deadlines, expiry, retention. One task, deadline and last_success per duty."""
