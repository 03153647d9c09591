"""The parts of the dispatcher: when a call may be made, where, and what follows from its end."""
