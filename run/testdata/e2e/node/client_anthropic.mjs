import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ maxRetries: 0 });
const ask = { model: 'claude-test', max_tokens: 10, messages: [{ role: 'user', content: 'ping' }] };
console.log((await client.messages.create(ask)).content[0].text);
let text = '';
for await (const event of await client.messages.create({ ...ask, stream: true })) text += event.delta?.text ?? '';
console.log('streamed', text);
try {
  await client.beta.files.delete('file_1');
  console.log('deleted');
} catch (refused) {
  console.log(refused.status, refused.message);
}
