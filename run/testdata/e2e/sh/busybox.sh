# It ends its half of the connection when it has asked, and has no method but GET and POST (through a proxy, GET alone).
set -eu
busybox wget -q -S -O - --header "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/things/7 2>&1
echo
busybox wget -q -S -O - --header "Authorization: Bearer $ECHO_TOKEN" https://api.echo.test/v1/others/7 2>&1 || echo "wget: exit $?"
