# Sourced: brings what the tests need beyond Python, where it may, and says in one line what it left out.
need() {
  local program=$1 package=$2 purpose=$3
  command -v "$program" >/dev/null && return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $package ($purpose) …"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package"; } >/dev/null 2>&1 \
      && command -v "$program" >/dev/null && return 0
  fi
  echo "left out: $program is missing and could not be installed here, so $purpose fails; install the package $package" >&2
}
need chromium chromium "the browser tests"
need promtool prometheus "the tests of Prometheus rules"
need amtool prometheus-alertmanager "the test of the Alertmanager configuration"
