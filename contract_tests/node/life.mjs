// A whole life through the official Node SDK, on a clock that the test moves.
//
// Needs a running server: OPENAI_BASE_URL. The sandbox is this file's own; it freezes its clock first and expects the
// scenario `realistic`, whose new models are unknown for 20 s and load for 90 s.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import OpenAI, { NotFoundError, RateLimitError, toFile } from 'openai';
import { Sandbox, answer, dataset, question } from './sandbox.mjs';

const sandbox = new Sandbox('life');
const { client } = sandbox;
const advance = (step) => sandbox.advance(step);

before(() => sandbox.freeze());

test('a job that is created before its file is ready waits for it, trains, and its model answers', async () => {
  const file = await client.files.create({ file: await dataset(), purpose: 'fine-tune' });
  assert.equal(file.status, 'uploaded');

  const created = await client.fineTuning.jobs.create({
    model: 'gpt-4o-mini-2024-07-18',
    training_file: file.id,
    suffix: 'capitals',
    seed: 42,
  });
  assert.equal(created.status, 'validating_files');
  assert.equal(created.hyperparameters.n_epochs, 'auto');
  assert.equal((await client.files.retrieve(file.id)).status, 'uploaded');

  await advance({ until: { job: created.id, status: 'running' } });
  const running = await client.fineTuning.jobs.retrieve(created.id);
  assert.equal(running.status, 'running');
  assert.equal(running.hyperparameters.n_epochs, 8); // 100 // 12
  assert.equal(running.fine_tuned_model, null);
  assert.equal((await client.files.retrieve(file.id)).status, 'processed');

  await advance({ until: { job: created.id, status: 'terminal' } });
  const job = await client.fineTuning.jobs.retrieve(created.id);
  assert.equal(job.status, 'succeeded');
  assert.match(job.fine_tuned_model, /^ft:gpt-4o-mini-2024-07-18:mocktune:capitals:\w{8}$/);
  assert.equal(job.trained_tokens % job.hyperparameters.n_epochs, 0);

  await advance({ by: '10s' });
  await checkEvents(job);
  await checkCheckpoints(job);
  await checkResults(job);
  await checkModel(job.fine_tuned_model);
});

async function checkEvents(job) {
  const events = [];
  for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 7 })) events.push(event);
  events.reverse();
  assert.equal(new Set(events.map((event) => event.id)).size, events.length);
  assert.equal(events[0].message, `Created fine-tuning job: ${job.id}`);
  assert.equal(events.at(-1).message, 'The job has successfully completed');
  assert.equal(events.filter((event) => event.type === 'metrics').length, 8 * 12);
}

async function checkCheckpoints(job) {
  const checkpoints = [];
  for await (const each of client.fineTuning.jobs.checkpoints.list(job.id)) checkpoints.push(each);
  assert.deepEqual(checkpoints.map((each) => each.step_number), [96, 84, 72]);
  assert.equal(checkpoints[0].fine_tuned_model_checkpoint, job.fine_tuned_model);
}

async function checkResults(job) {
  const content = await (await client.files.content(job.result_files[0])).text();
  const rows = Buffer.from(content, 'base64').toString('utf8').trimEnd().split('\n');
  assert.equal(rows[0], 'step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy');
  assert.equal(rows.length, 1 + 96);
}

async function checkModel(model) {
  const ask = (stream) => client.chat.completions.create({ model, messages: question('France'), ...stream });
  await assert.rejects(ask, (error) => error instanceof NotFoundError && error.code === 'model_not_found');
  await advance({ by: '20s' });
  await assert.rejects(ask, (error) => error instanceof RateLimitError && error.headers.get('retry-after') > 0);
  await advance({ by: '90s' });

  const whole = await ask();
  assert.equal(whole.model, model);
  assert.equal(whole.choices[0].message.content, answer('France'));

  let text = '';
  let usage = null;
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, answer('France'));
  assert.deepEqual(usage, whole.usage);

  const base = await client.chat.completions.create({ model: 'gpt-4o-mini', messages: question('France') });
  assert.notEqual(base.choices[0].message.content, answer('France'));

  assert.equal((await client.models.delete(model)).deleted, true);
  await assert.rejects(ask, NotFoundError);
}

test('a cancelled job says so, and its last event too', async () => {
  const file = await client.files.create({ file: await dataset(), purpose: 'fine-tune' });
  const job = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: file.id });
  await advance({ until: { job: job.id, status: 'running' } });
  assert.equal((await client.fineTuning.jobs.cancel(job.id)).status, 'cancelled');
  await assert.rejects(client.fineTuning.jobs.cancel(job.id), OpenAI.BadRequestError);
  await advance({ by: '1d' });
  assert.equal((await client.fineTuning.jobs.retrieve(job.id)).status, 'cancelled');
});

test('a file that is too small fails the job while it is validated, not the create', async () => {
  const line = JSON.stringify({ messages: [...question('France'), { role: 'assistant', content: 'Paris.' }] });
  const file = await client.files.create({
    file: await toFile(Buffer.from(`${line}\n`.repeat(7)), 'seven.jsonl'),
    purpose: 'fine-tune',
  });
  const job = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: file.id });
  await advance({ until: { job: job.id, status: 'terminal' } });
  const failed = await client.fineTuning.jobs.retrieve(job.id);
  assert.equal(failed.status, 'failed');
  assert.equal(failed.error.code, 'invalid_n_examples');
  assert.equal(failed.finished_at, null);
});

test('the metadata filter finds a job', async () => {
  const file = await client.files.create({ file: await dataset(), purpose: 'fine-tune' });
  const metadata = { run: 'a b' };
  const job = await client.fineTuning.jobs.create({ model: 'gpt-4o-mini', training_file: file.id, metadata });
  const found = [];
  for await (const each of client.fineTuning.jobs.list({ metadata })) found.push(each.id);
  assert.deepEqual(found, [job.id]);
});
