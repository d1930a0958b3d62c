"""What a session holds: experiments as data, and the runs that they come to."""
