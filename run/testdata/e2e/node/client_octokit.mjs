import { Octokit } from '@octokit/rest';

const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN });
const repo = { owner: 'myorg', repo: 'myrepo' };
console.log((await octokit.repos.get(repo)).data.full_name);
const pull = await octokit.pulls.create({ ...repo, title: 'Fix login', head: 'fix-login', base: 'main' });
console.log(pull.status, pull.data.number, pull.data.html_url);
try {
  await octokit.repos.delete(repo);
  console.log('deleted');
} catch (refused) {
  console.log(refused.status, refused.message);
}
