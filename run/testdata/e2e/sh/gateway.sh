# The gateway: for clients that cannot use a proxy variable. AGENTGUARD_URL holds the run's token in its userinfo.
set -eu
ask() { echo "== $*"; curl -sS -i --noproxy '*' --max-time 30 "$@"; echo; }
ask "$AGENTGUARD_URL/proxy/echo/v1/things/12"
ask -X DELETE "$AGENTGUARD_URL/proxy/echo/v1/things/12"
ask "$AGENTGUARD_URL/proxy/nobody/v1/things/12"
