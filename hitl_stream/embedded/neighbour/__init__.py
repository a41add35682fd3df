"""The neighbours of hitl-stream as the demo plays them: Oráculo, Eureka, the wargame, and one reviewer."""
