# Usage: upload.sh FILE --http1.1|--http2
set -eu
file=$1 version=$2
put() { curl -sS -v --max-time 60 "$version" -H "Authorization: Bearer $ECHO_TOKEN" "$@" https://api.echo.test/v1/upload 2>"$file.log" || { cat "$file.log"; exit 1; }; }
echo "sent sha256=$(sha256sum <"$file" | cut -d' ' -f1)"
echo "by length: $(put -X POST --data-binary "@$file")"
echo "chunked: $(put -X POST -H 'Transfer-Encoding: chunked' -T - <"$file")"
echo "expecting: $(put -X POST -H 'Expect: 100-continue' --expect100-timeout 20 -T "$file")"
grep '^< HTTP/1.1 100' "$file.log" || test "$version" = --http2
