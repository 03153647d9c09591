"""Jobs, schedules, sensors, and the execution of runs."""
