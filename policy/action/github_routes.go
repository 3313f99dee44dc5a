package action

// The curated part of GitHub's REST API, by the operation ids of GitHub's OpenAPI description (npm @octokit/openapi 23.0.2,
// MIT). "~" stands for /repos/{owner}/{repo}. Reads are covered broadly by their prefixes, with those excepted that give
// away secrets or settings: hooks (their URLs hold tokens), leaked secrets, feeds (URLs with a token), audit logs, whole
// organisations' archives. What is not named here is unknown.
const githubREST = `
read   GET    ~                                                   -                   repos/get
read   GET    ~/{rest...}                                         -                   repos/read
admin  GET    ~/hooks                                             list_webhooks       repos/list-webhooks
admin  GET    ~/hooks/{rest...}                                   list_webhooks       repos/get-webhook
admin  GET    ~/secret-scanning/{rest...}                         read_leaked_secrets secret-scanning/read
admin  GET    ~/keys                                              list_deploy_keys    repos/list-deploy-keys
admin  GET    ~/keys/{key_id}                                     list_deploy_keys    repos/get-deploy-key
admin  GET    ~/invitations                                       -                   repos/list-invitations

# which models Copilot's command line has, and where
read   GET    /copilot_internal/user                              read_copilot        copilot/get-user

# pull requests
write  POST   ~/pulls                                             create_pr           pulls/create
write  PATCH  ~/pulls/{pull_number}                               update_pr           pulls/update
write  PUT    ~/pulls/{pull_number}/merge                         merge_pr            pulls/merge
write  PUT    ~/pulls/{pull_number}/merge-async                   merge_pr            pulls/merge-async
write  PUT    ~/pulls/{pull_number}/update-branch                 update_pr_branch    pulls/update-branch
write  POST   ~/pulls/{pull_number}/requested_reviewers           request_review      pulls/request-reviewers
write  DELETE ~/pulls/{pull_number}/requested_reviewers           remove_reviewer     pulls/remove-requested-reviewers
write  POST   ~/pulls/{pull_number}/reviews                       submit_review       pulls/create-review
write  POST   ~/pulls/{pull_number}/reviews/{review_id}/events    submit_review       pulls/submit-review
write  PUT    ~/pulls/{pull_number}/reviews/{review_id}           update_review       pulls/update-review
write  DELETE ~/pulls/{pull_number}/reviews/{review_id}           delete_review       pulls/delete-pending-review
write  PUT    ~/pulls/{pull_number}/reviews/{review_id}/dismissals dismiss_review     pulls/dismiss-review
write  POST   ~/pulls/{pull_number}/comments                      add_comment         pulls/create-review-comment
write  POST   ~/pulls/{pull_number}/comments/{comment_id}/replies add_comment         pulls/create-reply-for-review-comment
write  PATCH  ~/pulls/comments/{comment_id}                       update_comment      pulls/update-review-comment
write  DELETE ~/pulls/comments/{comment_id}                       delete_comment      pulls/delete-review-comment

# issues; to GitHub a pull request is one too
write  POST   ~/issues                                            create_issue        issues/create
write  PATCH  ~/issues/{issue_number}                             update_issue        issues/update
write  PUT    ~/issues/{issue_number}/lock                        lock_issue          issues/lock
write  DELETE ~/issues/{issue_number}/lock                        unlock_issue        issues/unlock
write  POST   ~/issues/{issue_number}/comments                    add_comment         issues/create-comment
write  PATCH  ~/issues/comments/{comment_id}                      update_comment      issues/update-comment
write  DELETE ~/issues/comments/{comment_id}                      delete_comment      issues/delete-comment
write  POST   ~/issues/{issue_number}/labels                      add_label           issues/add-labels
write  PUT    ~/issues/{issue_number}/labels                      set_labels          issues/set-labels
write  DELETE ~/issues/{issue_number}/labels                      remove_label        issues/remove-all-labels
write  DELETE ~/issues/{issue_number}/labels/{name...}            remove_label        issues/remove-label
write  POST   ~/issues/{issue_number}/assignees                   add_assignee        issues/add-assignees
write  DELETE ~/issues/{issue_number}/assignees                   remove_assignee     issues/remove-assignees
write  POST   ~/labels                                            create_label        issues/create-label
write  PATCH  ~/labels/{name...}                                  update_label        issues/update-label
write  DELETE ~/labels/{name...}                                  delete_label        issues/delete-label
write  POST   ~/milestones                                        create_milestone    issues/create-milestone
write  PATCH  ~/milestones/{milestone_number}                     update_milestone    issues/update-milestone
write  DELETE ~/milestones/{milestone_number}                     delete_milestone    issues/delete-milestone
write  POST   ~/issues/{issue_number}/reactions                   add_reaction        reactions/create-for-issue
write  POST   ~/issues/comments/{comment_id}/reactions            add_reaction        reactions/create-for-issue-comment
write  POST   ~/pulls/comments/{comment_id}/reactions             add_reaction        reactions/create-for-pull-request-review-comment
write  POST   ~/commits/{commit_sha}/comments                     add_comment         repos/create-commit-comment
write  PATCH  ~/comments/{comment_id}                             update_comment      repos/update-commit-comment
write  DELETE ~/comments/{comment_id}                             delete_comment      repos/delete-commit-comment
write  POST   ~/comments/{comment_id}/reactions                   add_reaction        reactions/create-for-commit-comment
write  POST   ~/releases/{release_id}/reactions                   add_reaction        reactions/create-for-release
write  DELETE ~/issues/{issue_number}/reactions/{reaction_id}     remove_reaction     reactions/delete-for-issue
write  DELETE ~/issues/comments/{comment_id}/reactions/{reaction_id} remove_reaction  reactions/delete-for-issue-comment
write  DELETE ~/pulls/comments/{comment_id}/reactions/{reaction_id} remove_reaction   reactions/delete-for-pull-request-comment
write  DELETE ~/comments/{comment_id}/reactions/{reaction_id}     remove_reaction     reactions/delete-for-commit-comment
write  DELETE ~/releases/{release_id}/reactions/{reaction_id}     remove_reaction     reactions/delete-for-release
write  POST   ~/issues/{issue_number}/sub_issues                  update_issue        issues/add-sub-issue
write  DELETE ~/issues/{issue_number}/sub_issue                   update_issue        issues/remove-sub-issue
write  PATCH  ~/issues/{issue_number}/sub_issues/priority         update_issue        issues/reprioritize-sub-issue
write  POST   ~/issues/{issue_number}/dependencies/blocked_by     update_issue        issues/add-blocked-by-dependency
write  DELETE ~/issues/{issue_number}/dependencies/blocked_by/{issue_id} update_issue issues/remove-dependency-blocked-by
write  POST   ~/issues/{issue_number}/issue-field-values          update_issue        issues/add-issue-field-values
write  PUT    ~/issues/{issue_number}/issue-field-values          update_issue        issues/set-issue-field-values
write  DELETE ~/issues/{issue_number}/issue-field-values/{issue_field_id} update_issue issues/delete-issue-field-value

# branches, tags, commits, files; protect_branch sets what guards a branch, for better or worse
write  POST   ~/git/refs                                          create_ref          git/create-ref
write  PATCH  ~/git/refs/{ref...}                                 push                git/update-ref
write  DELETE ~/git/refs/{ref...}                                 delete_ref          git/delete-ref
write  POST   ~/git/blobs                                         create_git_object   git/create-blob
write  POST   ~/git/trees                                         create_git_object   git/create-tree
write  POST   ~/git/commits                                       create_git_object   git/create-commit
write  POST   ~/git/tags                                          create_git_object   git/create-tag
write  PUT    ~/contents/{path...}                                commit_file         repos/create-or-update-file-contents
write  DELETE ~/contents/{path...}                                delete_file         repos/delete-file
write  POST   ~/merges                                            merge_branch        repos/merge
write  POST   ~/merge-upstream                                    sync_fork           repos/merge-upstream
admin  POST   ~/branches/{branch}/rename                          rename_branch       repos/rename-branch
admin  PUT    ~/branches/{branch}/protection                      protect_branch      repos/update-branch-protection
admin  POST   ~/branches/{branch}/protection/{rest...}            protect_branch      repos/add-branch-protection
admin  PUT    ~/branches/{branch}/protection/{rest...}            protect_branch      repos/set-branch-protection
admin  PATCH  ~/branches/{branch}/protection/{rest...}            protect_branch      repos/change-branch-protection
admin  DELETE ~/branches/{branch}/protection                      unprotect_branch    repos/delete-branch-protection
admin  DELETE ~/branches/{branch}/protection/{rest...}            unprotect_branch    repos/reduce-branch-protection
admin  POST   ~/rulesets                                          protect_branch      repos/create-repo-ruleset
admin  PUT    ~/rulesets/{ruleset_id}                             protect_branch      repos/update-repo-ruleset
admin  DELETE ~/rulesets/{ruleset_id}                             unprotect_branch    repos/delete-repo-ruleset
write  POST   ~/statuses/{sha}                                    set_status          repos/create-commit-status
write  POST   ~/check-runs                                        set_status          checks/create
write  PATCH  ~/check-runs/{check_run_id}                         set_status          checks/update

# releases
write  POST   ~/releases                                          create_release      repos/create-release
write  PATCH  ~/releases/{release_id}                             update_release      repos/update-release
write  DELETE ~/releases/{release_id}                             delete_release      repos/delete-release
write  POST   ~/releases/generate-notes                           generate_notes      repos/generate-release-notes
write  PATCH  ~/releases/assets/{asset_id}                        update_asset        repos/update-release-asset
write  DELETE ~/releases/assets/{asset_id}                        delete_asset        repos/delete-release-asset

# workflows, deployments
write  POST   ~/actions/workflows/{workflow_id}/dispatches        run_workflow        actions/create-workflow-dispatch
write  POST   ~/dispatches                                        run_workflow        repos/create-dispatch-event
write  POST   ~/actions/runs/{run_id}/rerun                       rerun_workflow      actions/re-run-workflow
write  POST   ~/actions/runs/{run_id}/rerun-failed-jobs           rerun_workflow      actions/re-run-workflow-failed-jobs
write  POST   ~/actions/jobs/{job_id}/rerun                       rerun_workflow      actions/re-run-job-for-workflow-run
write  POST   ~/actions/runs/{run_id}/cancel                      cancel_workflow     actions/cancel-workflow-run
write  POST   ~/actions/runs/{run_id}/force-cancel                cancel_workflow     actions/force-cancel-workflow-run
admin  POST   ~/actions/runs/{run_id}/approve                     approve_workflow    actions/approve-workflow-run
admin  POST   ~/actions/runs/{run_id}/pending_deployments         approve_deployment  actions/review-pending-deployments-for-run
admin  DELETE ~/actions/runs/{run_id}                             delete_workflow_run actions/delete-workflow-run
admin  DELETE ~/actions/runs/{run_id}/logs                        delete_workflow_run actions/delete-workflow-run-logs
admin  PUT    ~/actions/workflows/{workflow_id}/disable           disable_workflow    actions/disable-workflow
admin  PUT    ~/actions/workflows/{workflow_id}/enable            enable_workflow     actions/enable-workflow
write  POST   ~/deployments                                       create_deployment   repos/create-deployment
write  DELETE ~/deployments/{deployment_id}                       delete_deployment   repos/delete-deployment
write  POST   ~/deployments/{deployment_id}/statuses              set_status          repos/create-deployment-status

# secrets, access, settings, existence
admin  PUT    ~/actions/secrets/{secret_name}                     set_secret          actions/create-or-update-repo-secret
admin  DELETE ~/actions/secrets/{secret_name}                     delete_secret       actions/delete-repo-secret
admin  PUT    ~/dependabot/secrets/{secret_name}                  set_secret          dependabot/create-or-update-repo-secret
admin  DELETE ~/dependabot/secrets/{secret_name}                  delete_secret       dependabot/delete-repo-secret
admin  PUT    ~/codespaces/secrets/{secret_name}                  set_secret          codespaces/create-or-update-repo-secret
admin  DELETE ~/codespaces/secrets/{secret_name}                  delete_secret       codespaces/delete-repo-secret
admin  PUT    ~/environments/{environment_name}/secrets/{secret_name}    set_secret    actions/create-or-update-environment-secret
admin  DELETE ~/environments/{environment_name}/secrets/{secret_name}    delete_secret actions/delete-environment-secret
admin  POST   ~/actions/variables                                 set_variable        actions/create-repo-variable
admin  PATCH  ~/actions/variables/{name}                          set_variable        actions/update-repo-variable
admin  DELETE ~/actions/variables/{name}                          delete_variable     actions/delete-repo-variable
admin  PUT    ~/environments/{environment_name}                   change_environment  repos/create-or-update-environment
admin  DELETE ~/environments/{environment_name}                   delete_environment  repos/delete-an-environment
admin  PUT    ~/collaborators/{username}                          add_collaborator    repos/add-collaborator
admin  DELETE ~/collaborators/{username}                          remove_collaborator repos/remove-collaborator
admin  PATCH  ~/invitations/{invitation_id}                       add_collaborator    repos/update-invitation
admin  DELETE ~/invitations/{invitation_id}                       remove_collaborator repos/delete-invitation
admin  POST   ~/hooks                                             create_webhook      repos/create-webhook
admin  PATCH  ~/hooks/{hook_id}                                   update_webhook      repos/update-webhook
admin  PATCH  ~/hooks/{hook_id}/config                            update_webhook      repos/update-webhook-config-for-repo
admin  DELETE ~/hooks/{hook_id}                                   delete_webhook      repos/delete-webhook
admin  POST   ~/keys                                              add_deploy_key      repos/create-deploy-key
admin  DELETE ~/keys/{key_id}                                     delete_deploy_key   repos/delete-deploy-key
admin  PUT    ~/topics                                            change_settings     repos/replace-all-topics
admin  POST   ~/pages                                             change_settings     repos/create-pages-site
admin  PUT    ~/pages                                             change_settings     repos/update-information-about-pages-site
admin  DELETE ~/pages                                             change_settings     repos/delete-pages-site
admin  PUT    ~/actions/permissions                               change_settings     actions/set-github-actions-permissions-repository
admin  PUT    ~/actions/permissions/{rest...}                     change_settings     actions/set-permissions-repository
admin  PUT    ~/vulnerability-alerts                              change_settings     repos/enable-vulnerability-alerts
admin  DELETE ~/vulnerability-alerts                              change_settings     repos/disable-vulnerability-alerts
admin  PUT    ~/automated-security-fixes                          change_settings     repos/enable-automated-security-fixes
admin  DELETE ~/automated-security-fixes                          change_settings     repos/disable-automated-security-fixes
admin  PATCH  ~                                                   change_settings     repos/update
admin  DELETE ~                                                   delete_repo         repos/delete
admin  POST   ~/transfer                                          transfer_repo       repos/transfer
write  POST   ~/forks                                             fork_repo           repos/create-fork
admin  POST   ~/generate                                          create_repo         repos/create-using-template
admin  POST   /user/repos                                         create_repo         repos/create-for-authenticated-user
admin  POST   /orgs/{org}/repos                                   create_repo         repos/create-in-org -> org:{org}
write  PUT    /user/starred/{owner}/{repo}                        star                activity/star-repo-for-authenticated-user -> repo:{owner}/{repo}
write  DELETE /user/starred/{owner}/{repo}                        unstar              activity/unstar-repo-for-authenticated-user -> repo:{owner}/{repo}
write  PUT    ~/subscription                                      watch               activity/set-repo-subscription
write  DELETE ~/subscription                                      unwatch             activity/delete-repo-subscription

# organisations
admin  PUT    /orgs/{org}/memberships/{username}                  add_member          orgs/set-membership-for-user -> org:{org}
admin  DELETE /orgs/{org}/memberships/{username}                  remove_member       orgs/remove-membership-for-user -> org:{org}
admin  DELETE /orgs/{org}/members/{username}                      remove_member       orgs/remove-member -> org:{org}
admin  PUT    /orgs/{org}/actions/secrets/{secret_name}           set_secret          actions/create-or-update-org-secret -> org:{org}
admin  DELETE /orgs/{org}/actions/secrets/{secret_name}           delete_secret       actions/delete-org-secret -> org:{org}
admin  POST   /orgs/{org}/hooks                                   create_webhook      orgs/create-webhook -> org:{org}
admin  DELETE /orgs/{org}/hooks/{hook_id}                         delete_webhook      orgs/delete-webhook -> org:{org}

# packages
admin  DELETE /orgs/{org}/packages/{package_type}/{package_name}  delete_package      packages/delete-package-for-org -> org:{org}
admin  DELETE /orgs/{org}/packages/{package_type}/{package_name}/versions/{package_version_id} delete_package packages/delete-package-version-for-org -> org:{org}
admin  DELETE /users/{username}/packages/{package_type}/{package_name} delete_package packages/delete-package-for-user -> user:{username}
admin  DELETE /users/{username}/packages/{package_type}/{package_name}/versions/{package_version_id} delete_package packages/delete-package-version-for-user -> user:{username}
admin  DELETE /user/packages/{package_type}/{package_name}        delete_package      packages/delete-package-for-authenticated-user
admin  DELETE /user/packages/{package_type}/{package_name}/versions/{package_version_id} delete_package packages/delete-package-version-for-authenticated-user

# gists
write  POST   /gists                                              create_gist         gists/create
write  PATCH  /gists/{gist_id}                                    update_gist         gists/update -> gist:{gist_id}
write  DELETE /gists/{gist_id}                                    delete_gist         gists/delete -> gist:{gist_id}
write  POST   /gists/{gist_id}/comments                           add_gist_comment    gists/create-comment -> gist:{gist_id}
write  PUT    /gists/{gist_id}/star                               star_gist           gists/star -> gist:{gist_id}
write  DELETE /gists/{gist_id}/star                               unstar_gist         gists/unstar -> gist:{gist_id}
read   GET    /gists                                              -                   gists/list
read   GET    /gists/{gist_id}                                    -                   gists/get -> gist:{gist_id}
read   GET    /gists/{gist_id}/{rest...}                          -                   gists/read -> gist:{gist_id}
read   GET    /gists/public                                       -                   gists/list-public
read   GET    /gists/starred                                      -                   gists/list-starred

# reads outside a repository
public GET    /                                                   -                   meta/root
public GET    /meta                                               -                   meta/get
public GET    /zen                                                -                   meta/get-zen
public GET    /versions                                           -                   meta/get-all-versions
public GET    /rate_limit                                         -                   rate-limit/get
public GET    /emojis                                             -                   emojis/get
public GET    /licenses                                           -                   licenses/get-all-commonly-used
public GET    /licenses/{license}                                 -                   licenses/get
public GET    /gitignore/templates                                -                   gitignore/get-all-templates
public GET    /gitignore/templates/{name}                         -                   gitignore/get-template
read   GET    /user                                               -                   users/get-authenticated
read   GET    /user/{rest...}                                     -                   users/read-own
admin  GET    /user/migrations                                    -                   migrations/list-for-authenticated-user
admin  GET    /user/migrations/{rest...}                          -                   migrations/get-for-authenticated-user
read   GET    /users/{username}                                   -                   users/get-by-username -> user:{username}
read   GET    /users/{username}/{rest...}                         -                   users/read -> user:{username}
admin  GET    /users/{username}/settings/{rest...}                -                   billing/read-user -> user:{username}
read   GET    /orgs/{org}                                         -                   orgs/get -> org:{org}
read   GET    /orgs/{org}/repos                                   -                   repos/list-for-org -> org:{org}
read   GET    /orgs/{org}/issues                                  -                   issues/list-for-org -> org:{org}
read   GET    /orgs/{org}/members                                 -                   orgs/list-members -> org:{org}
read   GET    /orgs/{org}/members/{username}                      -                   orgs/check-membership-for-user -> org:{org}
read   GET    /orgs/{org}/public_members                          -                   orgs/list-public-members -> org:{org}
read   GET    /orgs/{org}/teams                                   -                   teams/list -> org:{org}
read   GET    /orgs/{org}/teams/{rest...}                         -                   teams/read -> org:{org}
read   GET    /orgs/{org}/projectsV2                              -                   projects/list-for-org -> org:{org}
read   GET    /orgs/{org}/projectsV2/{rest...}                    -                   projects/read-org -> org:{org}
read   GET    /orgs/{org}/packages                                -                   packages/list-packages-for-organization -> org:{org}
read   GET    /orgs/{org}/packages/{rest...}                      -                   packages/read-org -> org:{org}
read   GET    /orgs/{org}/events                                  -                   activity/list-public-org-events -> org:{org}
admin  GET    /orgs/{org}/{rest...}                               read_org_settings   orgs/read-settings -> org:{org}
read   GET    /search/{what}                                      search              search/any
read   GET    /issues                                             -                   issues/list
read   GET    /notifications                                      -                   activity/list-notifications-for-authenticated-user
read   GET    /notifications/threads/{rest...}                    -                   activity/get-thread
read   GET    /events                                             -                   activity/list-public-events
admin  GET    /feeds                                              -                   activity/get-feeds
read   GET    /advisories                                         -                   security-advisories/list-global-advisories
read   GET    /advisories/{ghsa_id}                               -                   security-advisories/get-global-advisory
read   GET    /repositories                                       -                   repos/list-public

# one address for every query and mutation; the body says which (see graphql.go)
write  POST   /graphql                                            -                   graphql
`

// What the bodies of requests make of the routes above (see github.go, graphql.go).
const githubRESTRefined = `
write PATCH  ~/pulls/{pull_number}      close_pr              pulls/update
write PATCH  ~/pulls/{pull_number}      reopen_pr             pulls/update
write PATCH  ~/issues/{issue_number}    close_issue           issues/update
write PATCH  ~/issues/{issue_number}    reopen_issue          issues/update
write POST   ~/pulls/{pull_number}/reviews approve_pr         pulls/create-review
write POST   ~/git/refs                 create_branch         git/create-ref
write POST   ~/git/refs                 create_tag            git/create-ref
write PATCH  ~/git/refs/{ref...}        force_push            git/update-ref
write DELETE ~/git/refs/{ref...}        delete_branch         git/delete-ref
write DELETE ~/git/refs/{ref...}        delete_tag            git/delete-ref
admin PATCH  ~                          archive_repo          repos/update
admin PATCH  ~                          rename_repo           repos/update
admin PATCH  ~                          change_visibility     repos/update
admin PATCH  ~                          change_default_branch repos/update
read  POST   /graphql                   graphql_query         graphql -> graphql:query
public POST  /graphql                   graphql_query         graphql -> graphql:query
`

// uploads.github.com serves the one operation that api.github.com sends clients there for.
const githubUploads = `
write POST ~/releases/{release_id}/assets upload_asset repos/upload-release-asset
`

// github.com: git over smart HTTP, LFS, and the downloads that belong to a repository. Its pages are no API.
const githubGit = `
read  GET  /{owner}/{repo}/info/refs                 -             git/info-refs
read  POST /{owner}/{repo}/git-upload-pack           clone         git/upload-pack
write POST /{owner}/{repo}/git-receive-pack          push          git/receive-pack
write POST /{owner}/{repo}/info/lfs/objects/batch    -             lfs/batch
read  GET  /{owner}/{repo}/info/lfs/locks            lfs_download  lfs/list-locks
read  POST /{owner}/{repo}/info/lfs/locks/verify     lfs_upload    lfs/verify-locks
write POST /{owner}/{repo}/info/lfs/locks            lfs_lock      lfs/create-lock
write POST /{owner}/{repo}/info/lfs/locks/{id}/unlock lfs_lock     lfs/delete-lock
read  GET  /{owner}/{repo}/archive/{rest...}         download      web/archive
read  GET  /{owner}/{repo}/raw/{rest...}             download      web/raw
read  GET  /{owner}/{repo}/releases/download/{tag}/{name} download web/release-asset
`

const githubGitRefined = `
read  GET  /{owner}/{repo}/info/refs              clone         git/upload-pack
write POST /{owner}/{repo}/git-receive-pack       force_push    git/receive-pack
write POST /{owner}/{repo}/git-receive-pack       create_branch git/receive-pack
write POST /{owner}/{repo}/git-receive-pack       create_tag    git/receive-pack
write POST /{owner}/{repo}/git-receive-pack       delete_branch git/receive-pack
write POST /{owner}/{repo}/git-receive-pack       delete_tag    git/receive-pack
read  POST /{owner}/{repo}/info/lfs/objects/batch lfs_download  lfs/batch
write POST /{owner}/{repo}/info/lfs/objects/batch lfs_upload    lfs/batch
`

// githubGist is the git of gists, with and without their owner.
const githubGist = `
read  GET  /{gist_id}/info/refs                    -         git/info-refs    -> gist:{gist_id}
read  POST /{gist_id}/git-upload-pack              clone     git/upload-pack  -> gist:{gist_id}
write POST /{gist_id}/git-receive-pack             push      gists/receive-pack -> gist:{gist_id}
read  GET  /{owner}/{gist_id}/info/refs            -         git/info-refs    -> gist:{gist_id}
read  POST /{owner}/{gist_id}/git-upload-pack      clone     git/upload-pack  -> gist:{gist_id}
write POST /{owner}/{gist_id}/git-receive-pack     push      gists/receive-pack -> gist:{gist_id}
`

// githubCopilot is what Copilot's command line (npm @github/copilot 1.0) asks of its models, with the token that it has for
// GitHub. What mints tokens (/copilot_internal/v2/token) is unknown: the answer would be a credential.
const githubCopilot = `
read  GET  /models             list_models    copilot/list-models
write POST /chat/completions   copilot_chat   copilot/chat
write POST /responses          copilot_chat   copilot/responses
write POST /v1/messages        copilot_chat   copilot/messages
`

const githubCopilotRefined = `
write POST /chat/completions   copilot_chat   copilot/chat      -> model:{body}
write POST /responses          copilot_chat   copilot/responses -> model:{body}
write POST /v1/messages        copilot_chat   copilot/messages  -> model:{body}
`

// raw.githubusercontent.com takes the same token for private repositories, and has the pages of their wikis.
const githubRaw = `
read GET /wiki/{owner}/{repo}/{path...} download web/raw-wiki
read GET /{owner}/{repo}/{path...} download web/raw
`
