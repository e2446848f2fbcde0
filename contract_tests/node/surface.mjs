// Beside the main job: uploads by parts, pause and resume, responses, stored completions, graders, webhooks, Azure.
//
// Needs a running server: OPENAI_BASE_URL, scenario `realistic`. The sandbox is this file's own.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { before, test } from 'node:test';
import OpenAI, { AzureOpenAI, BadRequestError, NotFoundError, toFile } from 'openai';
import { Sandbox, answer, dataset, datasetBytes, question } from './sandbox.mjs';

const sandbox = new Sandbox('surface');
const { client } = sandbox;
const MODEL = 'gpt-4o-mini-2024-07-18';

before(() => sandbox.freeze());

test('a file arrives in parts, and is trained on like any other', async () => {
  const bytes = datasetBytes();
  const half = Math.floor(bytes.length / 2);
  const upload = await client.uploads.create({
    filename: 'capitals.jsonl', purpose: 'fine-tune', bytes: bytes.length, mime_type: 'application/jsonl',
  });
  assert.equal(upload.status, 'pending');
  const part_ids = [];
  for (const piece of [bytes.subarray(0, half), bytes.subarray(half)]) {
    part_ids.push((await client.uploads.parts.create(upload.id, { data: await toFile(piece, 'part') })).id);
  }
  await assert.rejects(client.uploads.complete(upload.id, { part_ids: part_ids.slice(1) }), BadRequestError);
  const completed = await client.uploads.complete(upload.id, { part_ids });
  assert.equal(completed.status, 'completed');
  assert.equal(completed.file.bytes, bytes.length);
  const content = await (await client.files.content(completed.file.id)).text();
  assert.equal(content, bytes.toString('utf8'));
  await assert.rejects(client.uploads.cancel(upload.id), BadRequestError);
});

test('a job stands still while it is paused', async () => {
  const file = await client.files.create({ file: await dataset(), purpose: 'fine-tune' });
  const { id } = await client.fineTuning.jobs.create({ model: MODEL, training_file: file.id });
  await assert.rejects(client.fineTuning.jobs.pause(id), BadRequestError);
  await sandbox.advance({ until: { job: id, status: 'running' } });
  assert.equal((await client.fineTuning.jobs.pause(id)).status, 'paused');
  await sandbox.advance({ by: '1d' });
  assert.equal((await client.fineTuning.jobs.retrieve(id)).status, 'paused');
  assert.equal((await client.fineTuning.jobs.resume(id)).status, 'queued');
  await sandbox.advance({ until: { job: id, status: 'terminal' } });
  assert.equal((await client.fineTuning.jobs.retrieve(id)).status, 'succeeded');
});

test('a tuned model answers as a response, plain and streamed', async () => {
  const model = await sandbox.tunedModel();
  const ask = { model, input: question('Japan')[0].content };
  const whole = await client.responses.create(ask);
  assert.equal(whole.output_text, answer('Japan'));
  assert.equal((await client.responses.retrieve(whole.id)).output_text, answer('Japan'));

  let text = '';
  const types = [];
  for await (const event of await client.responses.create({ ...ask, stream: true })) {
    types.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(text, answer('Japan'));
  assert.equal(types[0], 'response.created');
  assert.equal(types.at(-1), 'response.completed');

  const stream = client.responses.stream({ ...ask, previous_response_id: whole.id });
  assert.equal((await stream.finalResponse()).output_text, answer('Japan'));
  await client.responses.delete(whole.id);
  await assert.rejects(client.responses.retrieve(whole.id), NotFoundError);
});

test('a completion that was stored is found by its metadata', async () => {
  const metadata = { run: 'node' };
  const made = await client.chat.completions.create({ model: MODEL, messages: question('Chile'), store: true, metadata });
  const found = [];
  for await (const each of client.chat.completions.list({ metadata })) found.push(each.id);
  assert.deepEqual(found, [made.id]);
  const messages = [];
  for await (const each of client.chat.completions.messages.list(made.id)) messages.push(each.content);
  assert.deepEqual(messages, [question('Chile')[0].content]);
  await client.chat.completions.update(made.id, { metadata: { run: 'other' } });
  assert.deepEqual((await client.chat.completions.retrieve(made.id)).metadata, { run: 'other' });
  assert.equal((await client.chat.completions.delete(made.id)).deleted, true);
});

test('a grader grades', async () => {
  const grader = {
    type: 'string_check', name: 'same', operation: 'eq', input: '{{ sample.output_text }}', reference: '{{ item.city }}',
  };
  const graders = client.fineTuning.alpha.graders;
  assert.deepEqual((await graders.validate({ grader })).grader, grader);
  const run = (model_sample) => graders.run({ grader, item: { city: 'Cairo' }, model_sample });
  assert.equal((await run('Cairo')).reward, 1);
  assert.equal((await run('Giza')).reward, 0);
});

test('a sample event arrives and is unwrapped', async () => {
  const received = [];
  const receiver = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    received.push({ headers: request.headers, body: Buffer.concat(pieces).toString('utf8') });
    response.end();
  });
  await new Promise((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  try {
    const event_type = 'fine_tuning.job.succeeded'; // this SDK does not know the routes yet
    const url = `http://127.0.0.1:${receiver.address().port}/hook`;
    const endpoint = await client.post('/webhook_endpoints', { body: { name: 'hook', url, event_types: [event_type] } });
    const result = await client.post(`/webhook_endpoints/${endpoint.id}/test`, { body: { event_type } });
    assert.equal(result.status_code, 200);
    const [{ headers, body }] = received;
    const event = await client.webhooks.unwrap(body, headers, endpoint.signing_secret);
    assert.equal(event.type, 'fine_tuning.job.succeeded');
    assert.match(event.data.id, /^ftjob-/);
    await assert.rejects(client.webhooks.unwrap(`${body} `, headers, endpoint.signing_secret));
  } finally {
    receiver.close();
    receiver.closeAllConnections();
  }
});

test('Azure: a model answers by its deployment', async () => {
  const { root, apiKey } = sandbox;
  // Null: OPENAI_BASE_URL is set here, and would be taken for Azure's.
  const azure = new AzureOpenAI({ baseURL: null, endpoint: root, apiKey, apiVersion: '2024-10-21', maxRetries: 0 });
  const model = await sandbox.tunedModel(azure);
  assert.match(model, /^gpt-4o-mini-2024-07-18\.ft-[0-9a-f]{32}$/);
  const ask = (stream) => azure.chat.completions.create({ model: 'capitals', messages: question('Kenya'), ...stream });
  await assert.rejects(ask(), (error) => error instanceof NotFoundError && error.code === 'DeploymentNotFound');
  const account = '/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a';
  const made = await fetch(`${root}${account}/deployments/capitals?api-version=2024-10-01`, {
    method: 'PUT',
    headers: { 'api-key': apiKey, 'content-type': 'application/json' },
    body: JSON.stringify({
      sku: { name: 'standard', capacity: 1 },
      properties: { model: { format: 'OpenAI', name: model, version: '1' } },
    }),
  });
  assert.equal(made.status, 201);
  assert.equal((await ask()).choices[0].message.content, answer('Kenya'));
  let text = '';
  for await (const chunk of await ask({ stream: true })) text += chunk.choices[0]?.delta.content ?? '';
  assert.equal(text, answer('Kenya'));

  const v1 = new OpenAI({ baseURL: `${root}/openai/v1`, apiKey, maxRetries: 0 });
  const response = await v1.responses.create({ model: 'capitals', input: question('Kenya')[0].content });
  assert.equal(response.output_text, answer('Kenya'));
});
