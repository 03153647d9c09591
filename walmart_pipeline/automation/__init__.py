"""Jobs, schedules and sensors: what runs, when, and what sets it off."""
