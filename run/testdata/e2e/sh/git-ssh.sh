# Usage: git-ssh.sh WORKDIR: remotes over ssh, of a user who prefers ssh, with a token that the proxy adds.
set -eu
cd "$1"
export HOME=$1 # that of the user may be closed to it
export GIT_TERMINAL_PROMPT=0 GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com
export GIT_SSH_COMMAND='echo ssh was started >&2; false' GIT_SSH=/bin/false
git config --global url.git@github.com:.insteadOf https://github.com/
git config --global url.ssh://git@github.com/.pushInsteadOf https://github.com/
git clone -q git@github.com:myorg/myrepo.git over-ssh
cd over-ssh
cat README
git commit -q --allow-empty -m second
git push -q origin HEAD:refs/heads/by-ssh
git remote set-url --push origin ssh://git@github.com/myorg/myrepo
git commit -q --allow-empty -m third
git push -q origin HEAD:refs/heads/by-ssh
echo "pushed $(git rev-parse HEAD)"
git commit -q --amend --allow-empty -m amended
git push -q --force origin HEAD:by-ssh 2>&1 || echo "forced: exit $?"
git remote add web https://github.com/myorg/myrepo
git push -q web :by-ssh 2>&1 || echo "deleted: exit $?"
