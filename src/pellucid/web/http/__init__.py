"""HTTP for one machine: the server, who is answered, and what waits its turn."""
