# Usage: git-bare.sh WORKDIR: git that knows no credential at all; the proxy adds it.
set -eu
cd "$1"
export GIT_TERMINAL_PROMPT=0
git clone -q https://github.com/myorg/myrepo without
cat without/README
git clone -q https://github.com/other/repo denied || echo "git: exit $?"
