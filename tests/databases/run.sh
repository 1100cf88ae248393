#!/bin/sh
# Our instrumentation of SQLAlchemy under 1.4, 2.0 and 2.1, with SQLite and PostgreSQL and every driver: a virtual environment for each.
#
# `tests/databases/run.sh [pytest arguments]`; README.md says what it needs and installs.
set -eu
cd "$(dirname "$0")/../.."

PYTHON=${PYTHON:-.venv/bin/python}
FOLDER=.databases
DRIVERS='aiosqlite asyncpg psycopg[binary] psycopg2-binary pg8000'
PACKAGES='opentelemetry-instrumentation-asyncpg opentelemetry-instrumentation-psycopg opentelemetry-instrumentation-psycopg2
  opentelemetry-instrumentation-sqlalchemy opentelemetry-instrumentation-sqlite3'

if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  echo "databases: no PostgreSQL found: its tests are skipped (Debian, Ubuntu: apt install postgresql)" >&2
fi

# run NAME REQUIREMENT...: the tests in an environment with the light install and these
run() {
  name=$1
  shift
  environment=$FOLDER/$name
  if [ ! -e "$environment/.installed" ] || [ pyproject.toml -nt "$environment/.installed" ] || [ "$0" -nt "$environment/.installed" ]; then
    "$PYTHON" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25'
    PYTHONWARNINGS=ignore "$environment/bin/python" -m pip install --quiet --disable-pip-version-check \
      --editable . 'pytest>=9.2,<10' 'pytest-timeout>=2.4,<3' "$@"
    touch "$environment/.installed"
  fi
  echo "databases: $name"
  # shellcheck disable=SC2086 - several arguments
  "$environment/bin/python" -m pytest --quiet --confcutdir tests/databases tests/databases $ARGUMENTS
}

ARGUMENTS="$*"
# shellcheck disable=SC2086 - a list
for version in 1.4 2.0 2.1; do
  run "sqlalchemy-$version" "sqlalchemy[asyncio]==$version.*" $DRIVERS $PACKAGES
done
run sqlalchemy-2.1-without-greenlet 'sqlalchemy==2.1.*' 'psycopg[binary]'
