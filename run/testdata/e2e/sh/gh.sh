set -eu
gh api user
gh pr list -R myorg/myrepo
gh api repos/myorg/myrepo/pulls -f title='Fix login' -f head=fix-login -f base=main
gh api -X DELETE repos/myorg/myrepo 2>&1 || echo "gh: exit $?"
