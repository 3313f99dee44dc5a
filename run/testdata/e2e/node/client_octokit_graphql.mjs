import { Octokit } from '@octokit/rest';

const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN });
const { repository } = await octokit.graphql('query($o: String!, $r: String!) { repository(owner: $o, name: $r) { id pullRequest(number: 42) { id } issue(number: 7) { id } } }', { o: 'myorg', r: 'myrepo' });
const made = await octokit.graphql(
  'mutation($input: CreatePullRequestInput!) { createPullRequest(input: $input) { pullRequest { number url } } }',
  { input: { repositoryId: repository.id, baseRefName: 'main', headRefName: 'fix-login', title: 'Fix login' } });
console.log('created', made.createPullRequest.pullRequest.url);
const attempt = async (what, mutation, id) => {
  try {
    await octokit.graphql(`mutation($id: ID!) { gone: ${mutation}(input: { ${what}: $id }) { clientMutationId } }`, { id });
    console.log(mutation, 'done');
  } catch (refused) {
    console.log(mutation, refused.status ?? 'answered', refused.errors?.[0]?.extensions?.code, refused.errors?.[0]?.path, refused.message);
  }
};
await attempt('repositoryId', 'archiveRepository', repository.id);
await attempt('issueId', 'closeIssue', repository.issue.id);
await attempt('issueId', 'closeIssue', repository.issue.id);
