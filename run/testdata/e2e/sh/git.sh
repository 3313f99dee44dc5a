# Usage: git.sh WORKDIR
set -eu
cd "$1"
export GIT_TERMINAL_PROMPT=0 GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.com
git clone -q "https://x-access-token:$GITHUB_TOKEN@github.com/myorg/myrepo" with-placeholder
cd with-placeholder
cat README
echo more >>README
git commit -qam second
git push -q origin HEAD:main
git push -q origin HEAD:refs/heads/feature
git commit -q --amend -m amended
git push -q --force origin HEAD:main
echo "pushed $(git rev-parse HEAD)"
