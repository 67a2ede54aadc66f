"""`make bench-sync`: how fast a whole school system is read over SS 12000."""
