# Usage: gh-ssh.sh WORKDIR: gh of a user who chose ssh for git.
set -eu
cd "$1"
export HOME=$1 GH_CONFIG_DIR=$1/gh GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com
export GIT_SSH_COMMAND='echo ssh was started >&2; false' GIT_SSH=/bin/false
mkdir gh
echo 'git_protocol: ssh' >gh/config.yml
gh repo clone myorg/myrepo cloned
cd cloned
cat README
echo "origin is $(git config remote.origin.url)"
git commit -q --allow-empty -m second
git push -q origin HEAD:refs/heads/by-gh
echo "pushed $(git rev-parse HEAD)"
git commit -q --amend --allow-empty -m amended
git push -q --force origin HEAD:by-gh 2>&1 || echo "forced: exit $?"
gh repo clone other/repo elsewhere || echo "elsewhere: exit $?"
