"""A whole world in one thread: workers, people and duties take turns, and die at any statement. Every run can be repeated."""
