# Usage: keychain.sh AGENTGUARD POLICY SECRET-FILE CLIENT...: a session bus and a keyring of its own, the secret stored by
# agentguard itself, then a run of CLIENT. To be run under dbus-run-session.
set -eu
agentguard=$1 policy=$2 secret=$3
shift 3
printf %s e2e-keyring-password | gnome-keyring-daemon --foreground --unlock --components=secrets >/dev/null 2>&1 &
daemon=$!
trap 'kill $daemon 2>/dev/null || true' EXIT
tries=0
until dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
  string:org.freedesktop.secrets 2>/dev/null | grep -q 'boolean true'; do
  tries=$((tries + 1))
  test $tries -lt 100 || { echo 'the keyring does not come up' >&2; exit 99; }
  sleep 0.1
done
"$agentguard" vault set e2e-echo --to keychain <"$secret"
rm "$secret"
"$agentguard" vault list
"$agentguard" run --policy "$policy" -- "$@"
