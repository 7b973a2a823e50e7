#!/bin/bash
# The same as online.sh, on PostgreSQL.
KILLS=${KILLS:-1} exec "$(dirname "$0")/online.sh" "$1" postgres
