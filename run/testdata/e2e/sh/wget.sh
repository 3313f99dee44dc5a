set -eu
wget -q -S -O - --timeout=30 --tries=1 --header "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7 2>&1
echo
wget -q -S -O - --timeout=30 --tries=1 --content-on-error --method=DELETE --header "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7 2>&1 || echo "wget: exit $?"
