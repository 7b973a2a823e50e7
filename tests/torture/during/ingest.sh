# Nothing but the lines.
