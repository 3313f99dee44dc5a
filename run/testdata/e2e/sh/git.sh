# Usage: git.sh WORKDIR
set -eu
cd "$1"
export GIT_TERMINAL_PROMPT=0 GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com
# As actions/checkout does it: a token in a URL is sent only after a 401, which never comes where the proxy adds one.
basic=$(printf 'x-access-token:%s' "$GITHUB_TOKEN" | base64 -w0)
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.https://github.com/.extraheader GIT_CONFIG_VALUE_0="Authorization: Basic $basic"
git clone -q https://github.com/myorg/myrepo with-placeholder
cd with-placeholder
cat README
echo more >>README
git commit -qam second
git push -q origin HEAD:main
git push -q origin HEAD:refs/heads/feature
echo "pushed $(git rev-parse HEAD)"
git commit -q --amend -m amended
git push -q --force origin HEAD:main 2>&1 || echo "forced: exit $?"
git push -q origin :feature 2>&1 || echo "deleted: exit $?"
